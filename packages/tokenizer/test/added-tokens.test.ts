import fc from "fast-check";
import { expect, it } from "vitest";
import { type AddedToken, createAddedTokenSplitter } from "../src/added/added-tokens.ts";

const tokenOf = (pattern: string, id: number): AddedToken => ({
  id,
  content: pattern,
  pattern,
  normalized: false,
  special: true,
  singleWord: false,
  lstrip: false,
  rstrip: false,
});

function split(patterns: readonly string[], text: string): (string | number)[] {
  const parts: (string | number)[] = [];
  createAddedTokenSplitter(patterns.map(tokenOf))?.(
    text,
    (part) => void parts.push(part),
    (id) => parts.push(id) > 0,
  );
  return parts;
}

/** Leftmost first, the longest of those; place by place. */
function oracle(patterns: readonly string[], text: string): (string | number)[] {
  const parts: (string | number)[] = [];
  let rest = "";
  for (let at = 0; at < text.length; ) {
    const here = patterns.filter((pattern) => text.startsWith(pattern, at));
    const longest = here.sort((a, b) => b.length - a.length)[0];
    if (longest === undefined) rest += text[at++];
    else {
      if (rest !== "") parts.push(rest);
      rest = "";
      parts.push(patterns.indexOf(longest));
      at += longest.length;
    }
  }
  if (rest !== "") parts.push(rest);
  return parts;
}

// Few first characters, and more than are looked for one by one; some outside the basic plane.
const few = fc.stringMatching(/^[<\u{1f600}][a<|>]{0,3}$/u);
const many = fc.stringMatching(/^[<[(aé\u{1f600}\u{1f601}][a<|>]{0,3}$/u);
const text = fc.stringMatching(/^[<[(aé|>\u{1f600}\u{1f601} ]{0,60}$/u);

it.each([
  ["few", few],
  ["many", many],
])("finds tokens of %s first characters as a search place by place does", (_, pattern) => {
  fc.assert(
    fc.property(fc.uniqueArray(pattern, { minLength: 1, maxLength: 9 }), text, (patterns, it) => {
      expect(split(patterns, it)).toEqual(oracle([...patterns], it));
    }),
    { numRuns: 2_000 },
  );
});

it("takes one look at a long text for a token that does not come", () => {
  const line = "<|a|> [".repeat(20_000);
  expect(split(["<|a|>", "\u{1f600}x"], line).length).toBe(40_000);
});
