import type { ParserEvent } from "../contract/parser-event.ts";

export interface CollectedCall {
  readonly index: number;
  readonly id: string;
  readonly name: string;
  /** JSON; its beginning when the call is not complete. */
  readonly arguments: string;
  /** False when the text ended inside the call: the answer's finish reason is then `length`, and it is not to be run. */
  readonly isComplete: boolean;
}

export interface CollectedOutput {
  readonly content: string;
  readonly reasoning: string;
  /** Without calls that were malformed: their text is content. */
  readonly toolCalls: readonly CollectedCall[];
}

/** The whole answer from its events: what a unary response shows. */
export function collectOutput(events: Iterable<ParserEvent>): CollectedOutput {
  let content = "";
  let reasoning = "";
  const calls = new Map<number, { -readonly [K in keyof CollectedCall]: CollectedCall[K] }>();
  for (const event of events) {
    switch (event.type) {
      case "content":
        content += event.text;
        break;
      case "reasoning":
        reasoning += event.text;
        break;
      case "tool-call-start": {
        const { index, id, name } = event;
        calls.set(index, { index, id, name, arguments: "", isComplete: false });
        break;
      }
      case "tool-call-cut":
        if (event.reason === "malformed") calls.delete(event.index);
        break;
      default: {
        const call = calls.get(event.index);
        if (call && event.type === "tool-call-arguments") call.arguments += event.delta;
        else if (call) call.isComplete = true;
      }
    }
  }
  return { content, reasoning, toolCalls: [...calls.values()] };
}
