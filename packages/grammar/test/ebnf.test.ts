import type { CompiledGrammar as Reference } from "@mlc-ai/web-xgrammar";
import { beforeAll, describe, expect, it } from "vitest";
import { loadXGrammar, toByteLetters } from "./oracle/xgrammar.ts";
import { loadVocabulary, type TestVocabulary } from "./walk/compile-here.ts";
import { allowedTokens, seededRandom } from "./walk/random-walk.ts";

const xgrammar = loadXGrammar();
let vocabulary: TestVocabulary;
let compileReference: (source: string) => Promise<Reference>;

beforeAll(async () => {
  vocabulary = await loadVocabulary();
  const { tokenizer, endTokenId } = vocabulary;
  const tokens = Array.from({ length: tokenizer.vocabSize }, (_, id) =>
    tokenizer.isSpecial(id) ? "" : toByteLetters(tokenizer.idToBytes(id)),
  );
  const info = await xgrammar.TokenizerInfo.createTokenizerInfo(
    tokens,
    "byte_level",
    false,
    tokenizer.vocabSize,
    [endTokenId],
  );
  const compiler = await xgrammar.GrammarCompiler.createGrammarCompiler(info, false);
  compileReference = (source) => compiler.compileGrammar(source);
});

function isUtf8(tokenId: number): boolean {
  return vocabulary.tokenizer
    .idToBytes(tokenId)
    .every((byte) => byte !== 0xc0 && byte !== 0xc1 && byte < 0xf5);
}

const grammars: [name: string, source: string][] = [
  ["literal", 'root ::= "hello" " world"'],
  ["classes", "root ::= [a-zA-Z_] [a-zA-Z0-9_]{0,7}"],
  ["negated class", 'root ::= "<" [^<>]+ ">"'],
  ["alternatives over lines", 'root ::= "a" x\n  | "b" x # comment\nx ::= [0-9]+\n'],
  ["recursion", 'root ::= "(" root ")" | "x"'],
  [
    "arithmetic",
    'root ::= expr\nexpr ::= term (("+" | "-") term)*\nterm ::= [0-9]{1,3} | "(" expr ")"',
  ],
  ["left recursion", 'root ::= root "," item | item\nitem ::= [a-c]'],
  ["list", 'root ::= ("- " line){1,3}\nline ::= [ -~]{1,12} "\\n"'],
  ["escapes", 'root ::= "\\"" [\\x41-\\x43\\u0061]+ "\\\\" "\\t"'],
  ["text beyond ASCII", 'root ::= "日本" [a-z]{2,3} "é"'],
  ["optional parts", 'root ::= "a"? ("b" "c"?)? "d"'],
  ["csv", 'root ::= row (";" row)* \nrow ::= cell ("," cell)*\ncell ::= [a-z0-9]{0,4}'],
];

describe("a grammar's masks", () => {
  it.each(grammars)("%s: are those of xgrammar at every step", async (_, source) => {
    const { endTokenId, tokenizer } = vocabulary;
    const grammar = vocabulary.compile({ kind: "ebnf", grammar: source });
    const reference = await compileReference(source);
    const mask = new Int32Array(Math.ceil(tokenizer.vocabSize / 32));
    for (let seed = 1; seed <= 4; seed++) {
      const random = seededRandom(seed);
      const mine = grammar.createMatcher({ endTokenIds: [endTokenId] });
      const theirs = await xgrammar.GrammarMatcher.createGrammarMatcher(reference);
      for (let step = 0; step < 20; step++) {
        mine.fillMask(mask);
        const allowed = allowedTokens(mask);
        // xgrammar lets bytes into a negated class that stand nowhere in UTF-8 (C0, C1, F5 to FF).
        const expected = allowedTokens(await theirs.getNextTokenBitmask()).filter(isUtf8);
        expect(allowed, `seed ${seed} step ${step}`).toEqual(expected);
        const token = allowed[Math.floor(random() * allowed.length)]!;
        expect([mine.accept(token), theirs.acceptToken(token)]).toEqual([true, true]);
        if (mine.isTerminated()) break;
      }
      theirs.dispose();
    }
  });
});

it("a class beyond ASCII takes its characters and no others", () => {
  const source = 'root ::= [ぁ-ん]{2,3} "é"';
  const takes = (text: string) => {
    const grammar = vocabulary.compile({ kind: "ebnf", grammar: source });
    const matcher = grammar.createMatcher({ endTokenIds: [] });
    return (
      [...vocabulary.tokenizer.encode(text)].every((id) => matcher.accept(id)) && matcher.canEnd()
    );
  };
  expect(["あいé", "んんんé", "あé", "あアé", "abé"].map(takes)).toEqual([
    true,
    true,
    false,
    false,
    false,
  ]);
});

it.each([
  ["a ::= [a]", "no rule named root"],
  ["root ::= x", 'rule "x" is used but not defined'],
  ['root ::= "a', "open string"],
  ["root ::= [a", "open ["],
  ['root ::= ("a"', "open group"],
  ['root = "a"', "lacks ::="],
  ['root ::= "a"\nroot ::= "b"', "defined twice"],
  ["root ::= a root | b\na ::= root\nb ::= [b]", "begins with itself"],
  ["root ::= [a] root", "No finite text"],
  ['root ::= "a" (= "b")', "lookahead"],
  ['start: "a" | "b"', "Lark"],
  ['root ::= "\\q"', "\\q"],
  ['root ::= "a"{3,1}', "smaller first"],
  ['root ::= "a" ; "b"', "begins nothing"],
])("%s is refused: %s", (source, part) => {
  expect(() => vocabulary.compile({ kind: "ebnf", grammar: source })).toThrow(part);
});
