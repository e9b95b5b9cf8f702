import type { GrammarMatcher } from "./grammar-matcher.ts";
import type { GrammarSpec } from "./grammar-spec.ts";

export interface MatcherOptions {
  /** Tokens that end the answer and are no part of it: end-of-sequence ids. Never allowed inside, whatever they spell. */
  readonly endTokenIds: readonly number[];
  /** Stop ids of the user: where the text may end they are allowed too, elsewhere only as the text they spell. */
  readonly stopTokenIds?: readonly number[];
  /** The grammar rules what follows this text (a reasoning end marker); until then anything but the end may come. */
  readonly startsAfter?: string | null;
}

/** Shared by all matchers of one grammar; what they learn about it stays with it. */
export interface CompiledGrammar {
  createMatcher(options: MatcherOptions): GrammarMatcher;
  /** A matcher that stands where the one stood that was saved. Throws InvalidArgumentError when its tokens do not fit. */
  restoreMatcher(state: string, options: MatcherOptions): GrammarMatcher;
  /** Of memory now: grows as states are met, up to a bound. */
  sizeBytes(): number;
}

export interface GrammarCompiler {
  /**
   * Throws InvalidArgumentError that names the keyword, place and remedy for what is wrong, not supported or over
   * budget; OverloadedError when too many wait; CancelledError by the signal.
   */
  compile(spec: GrammarSpec, options?: { readonly signal?: AbortSignal }): Promise<CompiledGrammar>;
  close(): Promise<void>;
}
