import { beforeAll, describe, expect, it } from "vitest";
import { loadVocabulary, regexSpec, type TestVocabulary } from "./walk/compile-here.ts";
import { seededRandom, walk } from "./walk/random-walk.ts";

let vocabulary: TestVocabulary;
beforeAll(async () => {
  vocabulary = await loadVocabulary();
});

const patterns = [
  "[0-9]+",
  "yes|no|maybe",
  "(?:a|b){3,7}c?",
  "[A-Z][a-z]+( [A-Z][a-z]+){0,3}",
  "\\d{4}-\\d{2}-\\d{2}",
  "[^x\\n]{5}",
  "(?<year>[12]\\d{3})/(?<month>0[1-9]|1[0-2])",
  "\\w+@\\w+\\.(com|org)",
  ".{0,20}!",
  "\\s*\\S+\\s*",
  "(a*b*)*c",
  "[\\u4e00-\\u9fff]{2,4}",
  "\\u{1F600}+",
  "\\p{Lu}{2}\\P{L}",
  "[-+]?[0-9]*\\.?[0-9]+([eE][-+]?[0-9]+)?",
  "\\[\\]\\{\\}\\(\\)\\.",
  "[\\]\\-^a]{4}",
  "a{2}b{2,}c{0,2}",
  "x{0,300}y",
  "^anchored$",
  "",
  "(|a)b",
  "\\x41\\cJ\\t",
  "a+?b*?",
];

describe("random walks under a regular expression", () => {
  it.each(patterns)("%s: end in a text that RegExp matches", (pattern) => {
    const grammar = vocabulary.compile(regexSpec(pattern));
    const oracle = new RegExp(`^(?:${pattern})$`, "u");
    for (let seed = 1; seed <= 12; seed++) {
      const { tokenizer, endTokenId } = vocabulary;
      const options = { endTokenId, random: seededRandom(seed), freeTokens: seed };
      const { text } = walk(grammar, tokenizer, options);
      expect(text, `seed ${seed}`).toMatch(oracle);
    }
  });

  it.each(patterns)("%s: takes exactly the texts that RegExp takes", (pattern) => {
    const grammar = vocabulary.compile(regexSpec(pattern));
    const oracle = new RegExp(`^(?:${pattern})$`, "u");
    const texts = [
      "",
      "a",
      "ab",
      "bb",
      "aabb",
      "yes",
      "no",
      "no!",
      "2024-01-31",
      "1e5",
      "x".repeat(9),
    ];
    for (const text of [...texts, "anchored", "b", "A\n\t", "[]{}().", "\u{1F600}", "XY1", "c"]) {
      const matcher = grammar.createMatcher({ endTokenIds: [] });
      const isTaken = [...vocabulary.tokenizer.encode(text)].every((id) => matcher.accept(id));
      expect(isTaken && matcher.canEnd(), text).toBe(oracle.test(text));
    }
  });
});

it("ten thousand literal alternatives are one way to go on", () => {
  const words = Array.from({ length: 10_000 }, (_, i) => `item${i}`);
  const matcher = vocabulary
    .compile(regexSpec(`(${words.join("|")})!`))
    .createMatcher({ endTokenIds: [] });
  for (const id of vocabulary.tokenizer.encode("item9999!")) expect(matcher.accept(id)).toBe(true);
  expect(matcher.isTerminated()).toBe(true);
});

it.each([
  ["(?=a)b", "lookahead"],
  ["(?<!a)b", "lookbehind"],
  ["(a)\\1", "back reference"],
  ["\\bword", "word boundary"],
  ["a{3,1}", "smaller number first"],
  ["a**", "two quantifiers"],
  ["*a", "nothing to repeat"],
  ["(a", "open group"],
  ["a)", "unmatched )"],
  ["[a", "open ["],
  ["a$b", "text after $"],
  ["\\q", "\\q"],
  ["a{2000000}", "1000000"],
  ["(".repeat(300) + ")".repeat(300), "nested groups"],
])("%s is refused by name", (pattern, part) => {
  expect(() => vocabulary.compile(regexSpec(pattern))).toThrow(part);
});
