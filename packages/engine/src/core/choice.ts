// What the engine keeps for one open choice beside the scheduler's sequence: sampler, stops, what was emitted.
import type { FinishReason } from "../contract/engine-output.ts";
import type { RowSampling } from "../contract/executor.ts";
import type { SamplerSequence } from "../sampler/sampler-sequence.ts";
import type { Sequence } from "../scheduler/sequence.ts";
import type { StopDetector } from "./stop-detector.ts";

export class Choice {
  readonly sequence: Sequence;
  readonly sampler: SamplerSequence;
  /** One object, updated before each step. */
  readonly row: { -readonly [Key in keyof RowSampling]: RowSampling[Key] };
  readonly #stops: StopDetector | null;
  readonly #stopIds: ReadonlySet<number>;
  readonly #eosIds: ReadonlySet<number>;
  /** The first output was made. */
  hasSpoken = false;

  constructor(options: {
    sequence: Sequence;
    sampler: SamplerSequence;
    row: RowSampling;
    stops: StopDetector | null;
  }) {
    this.sequence = options.sequence;
    this.sampler = options.sampler;
    this.row = { ...options.row };
    this.#stops = options.stops;
    const { sampling, eosTokenIds } = options.sequence.group.request;
    this.#stopIds = new Set(sampling.ignoreEos ? [] : sampling.stopTokenIds);
    this.#eosIds = new Set(sampling.ignoreEos ? [] : eosTokenIds);
  }

  /** Another engine says its tokens; this one computes the prompt and the first of them. */
  get isPrefillHalf(): boolean {
    return this.sequence.group.request.disaggregation?.role === "prefill";
  }

  get needsLogits(): boolean {
    const { grammar, thinking, rules } = this.sampler;
    const isRuled = grammar !== null || thinking !== null || rules !== null;
    return isRuled || this.sequence.group.request.logprobs !== null;
  }

  /** Goes on with the seed that the choice was begun with elsewhere. */
  adoptSeed(seed: number): void {
    this.sampler.seed = seed;
    this.row.seed = seed;
  }

  /** Whether the token that was just appended ends the choice. An end by content wins over one by length. */
  checkFinish(tokenId: number): FinishReason | null {
    const matchedText = this.#stops?.push([tokenId]) ?? null;
    if (this.sequence.produced >= this.row.params.minNewTokens) {
      if (this.#stopIds.has(tokenId)) return { type: "stop", matched: tokenId };
      if (this.#eosIds.has(tokenId)) return { type: "stop", matched: null };
      if (matchedText !== null) return { type: "stop", matched: matchedText };
    }
    // Whatever minNewTokens says: nothing may follow, so no token could be sampled.
    if (this.sampler.grammar?.isTerminated()) return { type: "stop", matched: null };
    return this.sequence.remaining <= 0 ? { type: "length" } : null;
  }
}
