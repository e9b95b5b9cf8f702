/**
 * Follows one sequence through a grammar. The sampler asks it what may come next and tells it what came.
 *
 * Invariants:
 * - a token whose bit was set by the last `fillMask` is accepted;
 * - end-of-sequence ids are tokens like others: allowed by the mask where the text may end.
 */
export interface GrammarMatcher {
  /**
   * Writes one bit per token, 1 = allowed: bit `id & 31` of word `id >>> 5`. [ceil(vocabSize / 32)]
   * Returns `false`, with the mask left as it was, when every token is allowed.
   */
  fillMask(mask: Int32Array): boolean;
  /** Moves on by one token; `false` = the grammar does not allow it, and nothing moved. */
  accept(tokenId: number): boolean;
  /** Nothing may follow. */
  isTerminated(): boolean;
  /** All that is needed to go on elsewhere, opaque to everyone else. */
  save(): string;
}
