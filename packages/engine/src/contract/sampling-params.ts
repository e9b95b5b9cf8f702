/**
 * How one sequence is sampled: resolved, complete, serialisable as JSON.
 * Semantics and order of operations are SGLang's (sampling_params).
 */
export interface SamplingParams {
  /** Tokens to produce at most; `null` = as many as fit the context; 0 = prefill only. */
  readonly maxNewTokens: number | null;
  /** Until reached, end-of-sequence and stop ids cannot be sampled. */
  readonly minNewTokens: number;
  /** Below 1e-6 the choice is greedy. */
  readonly temperature: number;
  /** (0, 1]. */
  readonly topP: number;
  /** At least 1; -1 = all. */
  readonly topK: number;
  /** [0, 1], relative to the most likely token. */
  readonly minP: number;
  /** [-2, 2], counts output tokens only. */
  readonly frequencyPenalty: number;
  /** [-2, 2], counts output tokens only. */
  readonly presencePenalty: number;
  /** (0, 2], output tokens only: positive logits are divided, negative ones multiplied. */
  readonly repetitionPenalty: number;
  /** Added to the logits after the grammar mask, by token id. */
  readonly logitBias: Readonly<Record<number, number>>;
  /** No other id is sampled; `null` = all may be. */
  readonly allowedTokenIds: readonly number[] | null;
  /** Rows of ids that no answer contains: the last id of a row is not sampled behind the others. */
  readonly bannedTokenRows: readonly (readonly number[])[];
  /** The user's own stop ids. */
  readonly stopTokenIds: readonly number[];
  /** Stop strings; need an engine that was given a tokenizer. */
  readonly stop: readonly string[];
  /** Stop patterns (JavaScript regular expressions); need a tokenizer too. */
  readonly stopRegex: readonly string[];
  /** Disables the model's end-of-sequence ids and the user's stop ids. */
  readonly ignoreEos: boolean;
  /** Always honoured; `null` = the engine draws one and keeps it with the request. */
  readonly seed: number | null;
}

/** Samples from the whole distribution at temperature 1, until an end id or the end of the context. */
export const defaultSamplingParams: SamplingParams = Object.freeze({
  maxNewTokens: null,
  minNewTokens: 0,
  temperature: 1,
  topP: 1,
  topK: -1,
  minP: 0,
  frequencyPenalty: 0,
  presencePenalty: 0,
  repetitionPenalty: 1,
  logitBias: Object.freeze({}),
  allowedTokenIds: null,
  bannedTokenRows: Object.freeze([]) as readonly (readonly number[])[],
  stopTokenIds: Object.freeze([]) as readonly number[],
  stop: Object.freeze([]) as readonly string[],
  stopRegex: Object.freeze([]) as readonly string[],
  ignoreEos: false,
  seed: null,
});
