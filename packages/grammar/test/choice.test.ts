import { beforeAll, expect, it } from "vitest";
import { loadVocabulary, type TestVocabulary } from "./walk/compile-here.ts";
import { seededRandom, walk } from "./walk/random-walk.ts";

let vocabulary: TestVocabulary;
beforeAll(async () => {
  vocabulary = await loadVocabulary();
});

it("every walk is one of the choices, and each of them is met", () => {
  const choices = ["yes", "no", "yesterday", "naïve", "日本", 'a "b"', "", "two words", "yes"];
  const grammar = vocabulary.compile({ kind: "choice", choices });
  const met = new Set<string>();
  for (let seed = 1; seed <= 300; seed++) {
    const { tokenizer, endTokenId } = vocabulary;
    const options = { endTokenId, random: seededRandom(seed), freeTokens: 100 };
    met.add(walk(grammar, tokenizer, options).text);
  }
  expect([...met].sort()).toEqual([...new Set(choices)].sort());
});

it("ten thousand choices are one way to go on", () => {
  const choices = Array.from({ length: 10_000 }, (_, i) => `item ${i}`);
  const matcher = vocabulary
    .compile({ kind: "choice", choices })
    .createMatcher({ endTokenIds: [] });
  for (const id of vocabulary.tokenizer.encode("item 9999")) expect(matcher.accept(id)).toBe(true);
  expect(matcher.isTerminated()).toBe(true);
});

it("no choice at all is refused", () => {
  expect(() => vocabulary.compile({ kind: "choice", choices: [] })).toThrow("at least one text");
});
