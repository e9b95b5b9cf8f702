import { modelPath } from "@dyn/tiny-models";
import { loadTokenizer, type Tokenizer } from "@dyn/tokenizer";
import { compileSpec } from "../../src/compile/compile-spec.ts";
import { type CompiledGrammar, createTokenTrie, type GrammarSpec } from "../../src/index.ts";
import { TokenMasks } from "../../src/machine/token-masks.ts";
import { createCompiledGrammar } from "../../src/matcher/create-compiled-grammar.ts";

export interface TestVocabulary {
  readonly tokenizer: Tokenizer;
  readonly endTokenId: number;
  /** On the calling thread. */
  compile(spec: GrammarSpec, maxBytes?: number): CompiledGrammar;
}

/** The bundled model's vocabulary. */
export async function loadVocabulary(): Promise<TestVocabulary> {
  const tokenizer = await loadTokenizer(modelPath("dyn-tiny-chat"));
  const masks = new TokenMasks(createTokenTrie(tokenizer));
  let endTokenId = tokenizer.vocabSize - 1;
  while (!tokenizer.isSpecial(endTokenId)) endTokenId--;
  return {
    tokenizer,
    endTokenId,
    compile: (spec, maxBytes = 2 ** 26) =>
      createCompiledGrammar(compileSpec(spec, 500_000), masks, maxBytes),
  };
}

export function regexSpec(pattern: string): GrammarSpec {
  return { kind: "regex", pattern };
}

export function jsonSpec(schema: unknown, whitespacePattern: string | null = null): GrammarSpec {
  return { kind: "json", schema, whitespacePattern };
}
