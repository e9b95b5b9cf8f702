// Deltas folded into whole choices: a unary answer is the sum of its stream.
import { InternalError, type OpenAIFinishReason } from "@dyn/protocol";
import type { ChoiceAssembler } from "./choice-assembler.ts";
import type { ChoiceDelta, ShownToken } from "./choice-delta.ts";
import type { DeltaSink } from "./run-prompt.ts";

export interface WholeChoice {
  readonly index: number;
  readonly text: string;
  readonly tokens: readonly ShownToken[];
  readonly finishReason: OpenAIFinishReason;
  readonly stopReason: string | number | null;
}

interface Parts {
  readonly texts: string[];
  readonly tokens: ShownToken[];
  last: ChoiceDelta;
}

export class UnarySink implements DeltaSink {
  readonly isFull = false;
  readonly #parts = new Map<number, Parts>();

  async drained(): Promise<void> {}

  accept({ index }: ChoiceAssembler, delta: ChoiceDelta): void {
    const parts = this.#parts.get(index);
    if (parts === undefined) {
      this.#parts.set(index, {
        texts: [delta.text],
        tokens: [...(delta.tokens ?? [])],
        last: delta,
      });
      return;
    }
    parts.texts.push(delta.text);
    if (delta.tokens !== null) parts.tokens.push(...delta.tokens);
    parts.last = delta;
  }

  /** All choices are complete: by index. */
  choices(): WholeChoice[] {
    return [...this.#parts]
      .sort(([a], [b]) => a - b)
      .map(([index, { texts, tokens, last }]) => {
        const { finishReason, stopReason } = last;
        if (finishReason === null) throw new InternalError(`Choice ${index} has no end.`);
        return { index, text: texts.join(""), tokens, finishReason, stopReason };
      });
  }
}
