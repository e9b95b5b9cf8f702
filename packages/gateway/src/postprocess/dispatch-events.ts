// Side events of a stream for those who act on whole things: a tool call, the reasoning. Each comes just before the
// chunk that completes it (Dynamo 1.6.1).
import type { ChoiceDelta } from "./choice-delta.ts";
import { piecesOf } from "./output-splitter.ts";

export interface DispatchKinds {
  readonly calls: boolean;
  readonly reasoning: boolean;
}

interface OpenCall {
  readonly index: number;
  readonly id: string;
  readonly name: string;
  arguments: string;
}

/** Of one stream. */
export class DispatchEvents {
  readonly #kinds: DispatchKinds;
  readonly #reasoning = new Map<number, string>();
  readonly #calls = new Map<number, OpenCall>();

  constructor(kinds: DispatchKinds) {
    this.#kinds = kinds;
  }

  /** The events that go before a choice's chunk; calls first. */
  before(choiceIndex: number, delta: ChoiceDelta): string {
    let calls = "";
    let reasoning = "";
    for (const piece of piecesOf(delta)) {
      if (piece.kind === "reasoning") this.#think(choiceIndex, piece.text);
      else reasoning += this.#endReasoning(choiceIndex);
      if (piece.kind !== "call") continue;
      const { index, begin, arguments: more, isEnd } = piece.call;
      if (begin !== null) this.#calls.set(choiceIndex, { index, ...begin, arguments: "" });
      const call = this.#calls.get(choiceIndex);
      if (call === undefined) continue;
      call.arguments += more;
      if (isEnd !== true) continue;
      this.#calls.delete(choiceIndex);
      if (this.#kinds.calls) calls += callEvent(choiceIndex, call);
    }
    if (delta.finishReason !== null) reasoning += this.#endReasoning(choiceIndex);
    return calls + reasoning;
  }

  #think(choiceIndex: number, text: string): void {
    if (!this.#kinds.reasoning) return;
    this.#reasoning.set(choiceIndex, (this.#reasoning.get(choiceIndex) ?? "") + text);
  }

  #endReasoning(choiceIndex: number): string {
    const text = this.#reasoning.get(choiceIndex);
    if (text === undefined) return "";
    this.#reasoning.delete(choiceIndex);
    return event("reasoning_dispatch", { index: choiceIndex, reasoning_content: text });
  }
}

function callEvent(choiceIndex: number, { index, id, name, arguments: args }: OpenCall): string {
  return event("tool_call_dispatch", {
    choice_index: choiceIndex,
    tool_call: { index, id, type: "function", function: { name, arguments: args } },
  });
}

function event(name: string, data: unknown): string {
  return `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}
