/**
 * Follows one answer through a grammar: says which tokens may come next and is told which came.
 *
 * Invariants:
 * - a token whose bit was set by the last `fillMask` is accepted, and no other;
 * - an end token is allowed exactly where the text may end; special tokens never;
 * - state is the accepted tokens alone: the same tokens lead to the same place in any process.
 */
export interface GrammarMatcher {
  /**
   * Writes one bit per token, 1 = allowed: bit `id & 31` of word `id >>> 5`. [ceil(vocabSize / 32)]
   * Returns `false`, with the mask left as it was, when every token is allowed.
   * Throws InvalidArgumentError when the grammar is too ambiguous to be followed.
   */
  fillMask(mask: Int32Array): boolean;
  /** Moves on by one token; `false` = the grammar does not allow it, and nothing moved. */
  accept(tokenId: number): boolean;
  /** Nothing may follow: an end token came, or the text is complete and cannot go on. */
  isTerminated(): boolean;
  /** The text may end here. */
  canEnd(): boolean;
  /** Takes back the last tokens; RangeError when so many were not accepted. */
  rollback(tokenCount: number): void;
  /** Bytes that must come next, whatever the tokens; empty when there is a choice. */
  jumpForward(): Uint8Array;
  /** The accepted tokens as text: all that a matcher of the same grammar elsewhere needs. Linear in them. */
  save(): string;
}
