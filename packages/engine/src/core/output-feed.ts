// Collects what a step says, and says it at once.
import type { FinishReason, GenerateOutput } from "../contract/engine-output.ts";
import type { Choice } from "./choice.ts";

export class OutputFeed {
  #outputs: GenerateOutput[] = [];
  #sink: (outputs: GenerateOutput[]) => void = () => {};

  /** The array is the receiver's. */
  onOutputs(sink: (outputs: GenerateOutput[]) => void): void {
    this.#sink = sink;
  }

  add(
    choice: Choice,
    tokenIds: number[],
    logprobs: GenerateOutput["logprobs"],
    finish: FinishReason | null,
  ): void {
    const { sequence } = choice;
    const { group } = sequence;
    this.#outputs.push({
      requestId: group.request.requestId,
      index: sequence.index,
      tokenIds,
      logprobs: group.request.logprobs === null ? null : (logprobs ?? []),
      promptLogprobs: choice.hasSpoken ? null : group.promptLogprobs,
      finish,
      usage: {
        promptTokens: sequence.promptLength,
        completionTokens: sequence.produced,
        cachedTokens: group.cachedTokens ?? 0,
      },
      samplerState: choice.sampler.state(),
    });
    choice.hasSpoken = true;
  }

  flush(): void {
    if (this.#outputs.length === 0) return;
    const outputs = this.#outputs;
    this.#outputs = [];
    this.#sink(outputs);
  }
}
