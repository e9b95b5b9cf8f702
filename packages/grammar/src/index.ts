export {
  createGrammarCompiler,
  type GrammarCompilerOptions,
} from "./compile/create-grammar-compiler.ts";
export type {
  CompiledGrammar,
  GrammarCompiler,
  MatcherOptions,
} from "./contract/grammar-compiler.ts";
export type { GrammarMatcher } from "./contract/grammar-matcher.ts";
export type { GrammarSpec } from "./contract/grammar-spec.ts";
export { stringFormats } from "./schema/string-formats.ts";
export { createTokenTrie, type TokenBytes, type TokenTrie } from "./vocabulary/token-trie.ts";
