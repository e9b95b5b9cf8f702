import type { GrammarSpec } from "@dyn/grammar";
import type { RequestDisaggregation } from "./disaggregation.ts";
import type { SamplingParams } from "./sampling-params.ts";

export interface GenerateRequest {
  /** Unique among the requests that the engine holds. */
  readonly requestId: string;
  /** The prompt, at least one id, each below the vocabulary size. */
  readonly tokenIds: Uint32Array;
  readonly sampling: SamplingParams;
  /** Parallel choices of one prompt; they share its pages. */
  readonly n: number;
  /** End-of-sequence ids of the model; they end a choice and are part of no text. */
  readonly eosTokenIds: readonly number[];
  /** Log-probability of each new token, and of `top` alternatives; `null` = none. */
  readonly logprobs: { readonly top: number } | null;
  /** The same for prompt tokens from `start` on; forces their recomputation. */
  readonly promptLogprobs: { readonly top: number; readonly start: number } | null;
  /** Larger goes first under the priority policy. */
  readonly priority: number;
  /** Groups requests under the routing-key policy. */
  readonly routingKey: string | null;
  /** Separates cached prefixes of tenants: enters block hashes and the radix tree. */
  readonly cacheSalt: string | null;
  /** Separates cached prefixes without entering block hashes (adapters). */
  readonly extraKey: string | null;
  /** What each choice must look like; absent or `null` = anything. Needs an engine that was given a grammar compiler. */
  readonly grammar?: RequestGrammar | null;
  /** Ends reasoning that becomes too long; absent or `null` = it may take what it takes. */
  readonly thinking?: ThinkingBudget | null;
  /**
   * Continues choices that were begun elsewhere: per choice the ids already produced
   * (they follow the prompt) and the sampler's state. Length = n. `null` = a fresh request.
   */
  readonly resume: readonly ResumedChoice[] | null;
  /** Of an engine with several ranks: the one that takes it; absent or `null` = any. */
  readonly dataParallelRank?: number | null;
  /** Half of a request that two engines share; absent or `null` = this engine does all of it. */
  readonly disaggregation?: RequestDisaggregation | null;
}

export interface ResumedChoice {
  readonly tokenIds: Uint32Array;
  readonly samplerState: SamplerState;
}

/** Counted in each choice: behind `maxTokens` tokens of reasoning the ids of its end marker are the only ones that may come. */
export interface ThinkingBudget {
  readonly maxTokens: number;
  /** What begins reasoning; empty: nothing does within an answer. */
  readonly openIds: readonly number[];
  /** What ends it; at least one id. */
  readonly closeIds: readonly number[];
  /** What else ends it: the beginning of a tool call. */
  readonly enderIds: readonly (readonly number[])[];
  /** The prompt ends within reasoning. */
  readonly isOpen: boolean;
}

export interface RequestGrammar {
  readonly spec: GrammarSpec;
  /** The grammar rules what follows this text, a reasoning end marker; `null` = everything. */
  readonly startsAfter: string | null;
}

/**
 * What a sampler needs to go on with a sequence anywhere else; plain JSON.
 * Penalties and grammar have no state of their own: the tokens of the choice are all of it.
 */
export interface SamplerState {
  /** The seed that was given or drawn, already specific to the choice. */
  readonly seed: number;
  /** Tokens sampled so far. */
  readonly step: number;
}
