import { grammarFault } from "../compile/grammar-fault.ts";
import type { CompiledGrammar, MatcherOptions } from "../contract/grammar-compiler.ts";
import type { GrammarMatcher } from "../contract/grammar-matcher.ts";
import { Machine } from "../machine/machine.ts";
import type { TokenMasks } from "../machine/token-masks.ts";
import { type Program, programBytes } from "../program/program.ts";
import { readState } from "./matcher-state.ts";
import { StartMarker } from "./start-marker.ts";
import { TokenMatcher } from "./token-matcher.ts";

/** A program with the vocabulary that it is matched in. `maxBytes`: of what it learns while it is used. */
export function createCompiledGrammar(
  program: Program,
  masks: TokenMasks,
  maxBytes: number,
): CompiledGrammar {
  const machine = new Machine(program, maxBytes);
  /** In practice one: that of the model's reasoning. */
  let marker: { readonly text: string; readonly marker: StartMarker } | null = null;

  const markerOf = (text: string | null | undefined): StartMarker | null => {
    if (text === null || text === undefined || text === "") return null;
    if (marker?.text !== text) marker = { text, marker: new StartMarker(text, masks.trie) };
    return marker.marker;
  };
  const createMatcher = (options: MatcherOptions): GrammarMatcher =>
    new TokenMatcher({ machine, masks, marker: markerOf(options.startsAfter), options });

  return {
    createMatcher,
    restoreMatcher: (state, options) => {
      const matcher = createMatcher(options);
      for (const [at, tokenId] of readState(state).entries()) {
        if (matcher.accept(tokenId)) continue;
        throw grammarFault(
          `The saved state does not fit the grammar: token ${tokenId} at step ${at} is not allowed. Restore it with the grammar and tokenizer it was saved with.`,
        );
      }
      return matcher;
    },
    sizeBytes: () => programBytes(program) + machine.sizeBytes,
  };
}
