/** When a choice ends by what it says. The gateway enforces all of it, whatever the worker does. */
export interface StopRules {
  readonly strings: readonly string[];
  /** The request's own stop ids: their text is not shown, the id is the stop reason. */
  readonly tokenIds: readonly number[];
  /** The model's end-of-sequence ids: their text is not shown. Empty under ignore_eos. */
  readonly eosTokenIds: readonly number[];
  /** Nothing is a stop before so many tokens. */
  readonly minTokens: number;
  readonly includeStopString: boolean;
}
