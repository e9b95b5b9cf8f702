// What the sampler keeps per choice between steps. Lives as long as the choice, on whichever worker holds it.
import type { GrammarMatcher } from "@dyn/grammar";
import { InternalError, InvalidArgumentError } from "@dyn/protocol";
import type { SamplerState, ThinkingBudget } from "../contract/generate-request.ts";
import type { SamplingParams } from "../contract/sampling-params.ts";
import { ThinkingBound } from "./thinking-bound.ts";
import { TokenCounts } from "./token-counts.ts";
import { TokenRules } from "./token-rules.ts";

/** What the sampler asks of a grammar. */
export type SequenceGrammar = Pick<GrammarMatcher, "fillMask" | "accept" | "isTerminated">;

export interface SamplerSequenceOptions {
  readonly params: SamplingParams;
  /** Specific to the choice: see deriveSeed. */
  readonly seed: number;
  /** Tokens sampled before, when resumed. */
  readonly step?: number;
  readonly eosTokenIds: readonly number[];
  /** As in the request; `null` = none. */
  readonly logprobs: { readonly top: number } | null;
  /** Already where the sequence stands, when resumed. */
  readonly grammar?: SequenceGrammar | null;
  readonly thinking?: ThinkingBudget | null;
  /** The answer so far, when resumed; as many as `step`. */
  readonly outputTokenIds?: ArrayLike<number>;
}

export class SamplerSequence {
  readonly params: SamplingParams;
  /** Changes when a choice goes on here that was begun elsewhere. */
  seed: number;
  readonly logprobs: { readonly top: number } | null;
  readonly grammar: SequenceGrammar | null;
  readonly thinking: ThinkingBound | null;
  readonly rules: TokenRules | null;
  /** The choice is the most likely token, whatever the seed. */
  readonly greedy: boolean;
  /** Masked until minNewTokens are there. */
  readonly endTokenIds: readonly number[];
  readonly bias: readonly { readonly tokenId: number; readonly bias: number }[];
  /** How often each token was produced; `null` when no penalty asks. */
  readonly counts: TokenCounts | null;
  #step: number;

  constructor(options: SamplerSequenceOptions) {
    const { params } = options;
    const produced = options.outputTokenIds?.length ?? 0;
    this.params = params;
    this.seed = options.seed;
    this.logprobs = options.logprobs;
    this.grammar = options.grammar ?? null;
    this.thinking = options.thinking == null ? null : new ThinkingBound(options.thinking);
    this.rules = TokenRules.of(params);
    this.greedy = params.temperature < 1e-6 || params.topK === 1;
    this.endTokenIds = [...options.eosTokenIds, ...params.stopTokenIds];
    this.bias = Object.entries(params.logitBias).map(([id, bias]) => ({
      tokenId: Number(id),
      bias,
    }));
    this.#step = options.step ?? produced;
    const penalised =
      params.frequencyPenalty !== 0 ||
      params.presencePenalty !== 0 ||
      params.repetitionPenalty !== 1;
    this.counts = penalised ? new TokenCounts() : null;
    const hasMemory = penalised || this.thinking !== null || this.rules !== null;
    if (produced !== this.#step && (hasMemory || options.outputTokenIds !== undefined)) {
      throw new InvalidArgumentError(
        `resume: the sampler state stands at step ${this.#step}, but ${produced} produced tokens came with it; send all of them.`,
        { param: "resume" },
      );
    }
    for (let i = 0; i < produced; i++) this.#remember(options.outputTokenIds![i]!);
  }

  /** Tokens sampled so far. */
  get step(): number {
    return this.#step;
  }

  /** The sequence goes on by a token: called by the sampler, or by whoever got the token from a device. */
  accept(tokenId: number): void {
    if (this.grammar !== null && !this.grammar.accept(tokenId)) {
      throw new InternalError(`The grammar refused token ${tokenId} at step ${this.#step}.`);
    }
    this.#remember(tokenId);
    this.#step++;
  }

  #remember(tokenId: number): void {
    this.counts?.add(tokenId);
    this.thinking?.accept(tokenId);
    this.rules?.accept(tokenId);
  }

  state(): SamplerState {
    return { seed: this.seed, step: this.#step };
  }
}

/** Throws InvalidArgumentError when the step and the tokens of a resumed choice differ in number. */
export function createSamplerSequence(options: SamplerSequenceOptions): SamplerSequence {
  return new SamplerSequence(options);
}
