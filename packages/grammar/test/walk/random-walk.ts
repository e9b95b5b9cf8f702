// Follows a matcher with random tokens, as the worst of models would, until the text is complete.

import type { Tokenizer } from "@dyn/tokenizer";
import type { CompiledGrammar, GrammarMatcher } from "../../src/index.ts";

/** Uniform in [0, 1), the same for the same seed. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function allowedTokens(mask: Int32Array): number[] {
  const ids: number[] = [];
  for (const [at, bits] of mask.entries()) {
    for (let rest = bits; rest !== 0; rest &= rest - 1) {
      ids.push(at * 32 + 31 - Math.clz32(rest & -rest));
    }
  }
  return ids;
}

export interface Walk {
  readonly text: string;
  readonly tokens: readonly number[];
  readonly matcher: GrammarMatcher;
}

/** After `freeTokens` steps what ends texts is preferred, so that every walk ends. */
export function walk(
  grammar: CompiledGrammar,
  tokenizer: Tokenizer,
  options: { endTokenId: number; random: () => number; freeTokens: number; vocabSize?: number },
): Walk {
  const { endTokenId, random, freeTokens } = options;
  const matcher = grammar.createMatcher({ endTokenIds: [endTokenId] });
  const mask = new Int32Array(Math.ceil((options.vocabSize ?? tokenizer.vocabSize) / 32));
  const idsOf = (texts: readonly string[]) => texts.map((text) => tokenizer.tokenToId(text));
  const closers = idsOf(['"', "}", "]", "null", "@", ":", ".", "/"]);
  const letters = idsOf(["x", "y", "z", "a", "\\"]);
  const zero = tokenizer.tokenToId("0");
  const brace = tokenizer.tokenToId("}");
  const tokens: number[] = [];
  while (!matcher.isTerminated()) {
    if (tokens.length > freeTokens + 4000)
      throw new Error(`The walk does not end: ${tokenizer.decode(tokens.slice(0, 60))}`);
    matcher.fillMask(mask);
    const allowed = allowedTokens(mask);
    if (allowed.length === 0) throw new Error(`Stuck after ${tokenizer.decode(tokens)}`);
    let token = allowed[Math.floor(random() * allowed.length)]!;
    if (tokens.length >= freeTokens) {
      const set = new Set(allowed);
      // An object just opened is closed at once, a string is ended, and whatever else is needed comes by chance.
      const first = tokenizer.decode(tokens.slice(-1)) === "{" ? [brace] : [];
      const turn = letters[Math.floor(random() * letters.length)];
      const sofar = tokenizer.decode(tokens).replaceAll(/\\./g, "");
      const isInString = sofar.split('"').length % 2 === 0;
      const wanted = isInString
        ? [closers[0], turn, ...closers, zero]
        : [endTokenId, ...first, ...closers, turn, zero];
      token = wanted.find((id) => id !== undefined && set.has(id)) ?? token;
    }
    if (!matcher.accept(token)) throw new Error(`Token ${token} was allowed, then refused.`);
    tokens.push(token);
  }
  const text = tokenizer.decode(tokens.filter((id) => id !== endTokenId));
  return { text, tokens, matcher };
}
