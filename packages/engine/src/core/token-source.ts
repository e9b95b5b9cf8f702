// The next token of a choice: sampled here from logits, or taken over from a device that sampled it.
import { InternalError } from "@dyn/protocol";
import type { GenerateOutput } from "../contract/engine-output.ts";
import type { StepResult } from "../contract/executor.ts";
import { createSampler } from "../sampler/sampler.ts";
import type { Choice } from "./choice.ts";

export interface NextToken {
  readonly tokenId: number;
  readonly logprobs: GenerateOutput["logprobs"];
}

export class TokenSource {
  readonly #vocabSize: number;
  readonly #sampler: ReturnType<typeof createSampler>;

  constructor(vocabSize: number) {
    this.#vocabSize = vocabSize;
    this.#sampler = createSampler(vocabSize);
  }

  /** `at`: row of the step's result. The sampler of the choice has accepted the token. */
  take({ sampler, needsLogits }: Choice, result: StepResult, at: number): NextToken {
    if (result.kind === "tokens") {
      if (needsLogits) {
        throw new InternalError("The executor sampled although log-probabilities were wanted.");
      }
      const tokenId = this.check(result.tokenIds[at]);
      sampler.accept(tokenId);
      return { tokenId, logprobs: null };
    }
    const row = result.logits.subarray(at * this.#vocabSize, (at + 1) * this.#vocabSize);
    const { tokenId, logprobs } = this.#sampler.sample(row, sampler);
    return { tokenId, logprobs: logprobs === null ? null : [logprobs] };
  }

  /** Of the vocabulary, or a fault of who sampled it. */
  check(id: number | undefined): number {
    if (id !== undefined && id >= 0 && id < this.#vocabSize) return id;
    throw new InternalError(`Token ${id} was sampled from a vocabulary of ${this.#vocabSize}.`);
  }
}
