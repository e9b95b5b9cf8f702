// Logits become tokens here. Never touches a device, never looks at another row: a token depends on
// its own row, its parameters, its seed and its step alone.
import { DynError, InternalError, InvalidArgumentError } from "@dyn/protocol";
import type { TokenLogprobs } from "../contract/engine-output.ts";
import { adjustLogits } from "./adjust-logits.ts";
import { Candidates } from "./candidates.ts";
import { drawFromCandidates, drawFromRow } from "./draw-token.ts";
import { findPeak, type Peak, scrubLogits } from "./find-peak.ts";
import { noiseState } from "./gumbel-noise.ts";
import type { SamplerSequence } from "./sampler-sequence.ts";
import { promptLogprobs, sumMass, tokenLogprobs } from "./token-logprobs.ts";

export interface SampledToken {
  readonly tokenId: number;
  /** `null` when the sequence did not ask. */
  readonly logprobs: TokenLogprobs | null;
}

/** Holds the scratch memory of one thread; rows are sampled one after the other. */
export class Sampler {
  readonly #vocabSize: number;
  readonly #mask: Int32Array;
  readonly #candidates: Candidates;
  readonly #peak: Peak = { tokenId: -1, logit: 0, dirty: false };

  constructor(vocabSize: number) {
    this.#vocabSize = vocabSize;
    this.#mask = new Int32Array(Math.ceil(vocabSize / 32));
    this.#candidates = new Candidates(vocabSize);
  }

  /**
   * Chooses the next token and moves the sequence on by it. Below temperature 1e-6, or with top-k 1, that is the
   * most likely one; otherwise one is drawn. Log-probabilities are those of the penalised distribution at the
   * sequence's temperature (1 when greedy), before top-k, top-p and min-p.
   * Throws when no token is possible; the sequence then stands where it stood.
   *
   * @param logits [vocabSize], overwritten. NaN counts as -Infinity.
   */
  sample(logits: Float32Array, sequence: SamplerSequence): SampledToken {
    this.#demandRow(logits);
    const peak = this.#peak;
    adjustLogits(logits, sequence, this.#mask);
    findPeak(logits, peak);
    if (peak.tokenId < 0) throw noCandidate(sequence);
    if (peak.dirty) scrubLogits(logits, peak);

    const { params, greedy } = sequence;
    let tokenId = peak.tokenId;
    let mass = 0;
    if (!greedy) {
      const { temperature } = params;
      const candidates = this.#candidates;
      const state = noiseState(sequence.seed, sequence.step);
      tokenId = candidates.select(logits, peak.logit, params)
        ? drawFromCandidates(candidates, peak, temperature, state)
        : drawFromRow(logits, peak, temperature, state);
      mass = candidates.mass;
    }

    let logprobs: TokenLogprobs | null = null;
    if (sequence.logprobs !== null) {
      const rate = greedy ? 1 : 1 / params.temperature;
      if (mass === 0) mass = sumMass(logits, peak.logit, rate);
      logprobs = tokenLogprobs(logits, tokenId, sequence.logprobs.top, peak.logit, rate, mass);
    }
    sequence.accept(tokenId);
    return { tokenId, logprobs };
  }

  /**
   * Log-probabilities of a prompt token, from the logits of the position before it; plain log-softmax.
   *
   * @param logits [vocabSize], overwritten where they are NaN or +Infinity.
   */
  promptLogprobs(logits: Float32Array, nextTokenId: number, top: number): TokenLogprobs {
    this.#demandRow(logits);
    return promptLogprobs(logits, nextTokenId, top);
  }

  #demandRow(logits: Float32Array): void {
    if (logits.length === this.#vocabSize) return;
    throw new InternalError(
      `A row of ${logits.length} logits came to a sampler for ${this.#vocabSize}.`,
    );
  }
}

/** One for all choices of an engine: what it keeps between calls is scratch memory for a row of f32 [vocabSize]. */
export function createSampler(vocabSize: number): Sampler {
  return new Sampler(vocabSize);
}

function noCandidate(sequence: SamplerSequence): DynError {
  const masks = [
    ...(sequence.grammar === null ? [] : ["its grammar"]),
    ...(sequence.step < sequence.params.minNewTokens ? ["minNewTokens"] : []),
    ...(sequence.bias.length === 0 ? [] : ["logitBias"]),
  ];
  if (sequence.rules !== null) {
    return new InvalidArgumentError(
      `No token is possible at step ${sequence.step}: allowedTokenIds and bannedTokenRows leave none${masks.length === 0 ? "" : ` beside ${masks.join(", ")}`}. Allow more.`,
      { param: "sampling.allowedTokenIds" },
    );
  }
  const reason = masks.length === 0 ? "" : ` after ${masks.join(", ")}`;
  return new DynError(
    `No token is possible at step ${sequence.step}: every logit is NaN or -Infinity${reason}.`,
    { code: "DYN_SAMPLER_NO_CANDIDATE", status: 500 },
  );
}
