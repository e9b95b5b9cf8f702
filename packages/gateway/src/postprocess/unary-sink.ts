// Deltas folded into whole choices: a unary answer is the sum of its stream.
import { InternalError, type OpenAIFinishReason } from "@dyn/protocol";
import type { ChoiceAssembler } from "./choice-assembler.ts";
import type { ChoiceDelta, ShownToken } from "./choice-delta.ts";
import type { DeltaSink } from "./run-prompt.ts";

export interface WholeChoice {
  readonly index: number;
  readonly text: string;
  readonly reasoning: string;
  readonly toolCalls: readonly WholeToolCall[];
  readonly tokens: readonly ShownToken[];
  readonly tokenIds: readonly number[] | null;
  readonly finishReason: OpenAIFinishReason;
  readonly stopReason: string | number | null;
}

export interface WholeToolCall {
  readonly id: string;
  readonly name: string;
  /** JSON text. */
  readonly arguments: string;
}

interface Parts {
  readonly texts: string[];
  readonly reasoning: string[];
  readonly calls: { readonly id: string; readonly name: string; readonly arguments: string[] }[];
  readonly tokens: ShownToken[];
  readonly tokenIds: number[];
  last: ChoiceDelta;
}

export class UnarySink implements DeltaSink {
  readonly isFull = false;
  readonly #parts = new Map<number, Parts>();

  async drained(): Promise<void> {}

  accept({ index }: ChoiceAssembler, delta: ChoiceDelta): void {
    let parts = this.#parts.get(index);
    if (parts === undefined) {
      parts = { texts: [], reasoning: [], calls: [], tokens: [], tokenIds: [], last: delta };
      this.#parts.set(index, parts);
    }
    parts.texts.push(delta.text);
    if (delta.reasoning !== "") parts.reasoning.push(delta.reasoning);
    for (const call of delta.toolCalls) {
      if (call.begin !== null) parts.calls[call.index] = { ...call.begin, arguments: [] };
      parts.calls[call.index]!.arguments.push(call.arguments);
    }
    if (delta.tokens !== null) parts.tokens.push(...delta.tokens);
    if (delta.tokenIds !== null) parts.tokenIds.push(...delta.tokenIds);
    parts.last = delta;
  }

  /** All choices are complete: by index. */
  choices(): WholeChoice[] {
    return [...this.#parts]
      .sort(([a], [b]) => a - b)
      .map(([index, { texts, reasoning, calls, tokens, tokenIds, last }]) => {
        const { finishReason, stopReason } = last;
        if (finishReason === null) throw new InternalError(`Choice ${index} has no end.`);
        return {
          index,
          text: texts.join(""),
          reasoning: reasoning.join(""),
          toolCalls: calls.map((call) => ({ ...call, arguments: call.arguments.join("") })),
          tokens,
          tokenIds: last.tokenIds === null ? null : tokenIds,
          finishReason,
          stopReason,
        };
      });
  }
}
