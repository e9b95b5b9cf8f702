// Collects what a step says, and says it at once.
import type { FinishReason, GenerateOutput, RequestTiming } from "../contract/engine-output.ts";
import type { RequestGroup } from "../scheduler/request-group.ts";
import type { Choice } from "./choice.ts";

export class OutputFeed {
  readonly #now: () => number;
  #outputs: GenerateOutput[] = [];
  #sink: (outputs: GenerateOutput[]) => void = () => {};

  constructor(now: () => number) {
    this.#now = now;
  }

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
      ...(choice.hasSpoken ? {} : { timing: this.#timing(group, tokenIds.length > 0) }),
    });
    choice.hasSpoken = true;
  }

  #timing({ receivedMs, scheduledMs }: RequestGroup, hasToken: boolean): RequestTiming {
    return { receivedMs, scheduledMs, firstTokenMs: hasToken ? this.#now() : null };
  }

  flush(): void {
    if (this.#outputs.length === 0) return;
    const outputs = this.#outputs;
    this.#outputs = [];
    this.#sink(outputs);
  }
}
