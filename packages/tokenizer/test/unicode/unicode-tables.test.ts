// Every code point: our classes and normalisers against those behind the native library.
import { Tokenizer as NativeTokenizer } from "tokenizers";
import { describe, expect, test } from "vitest";
import { createNormalizer } from "../../src/pipeline/normalizer.ts";

const characters = Array.from({ length: 0x110000 }, (_, code) => code)
  .filter((code) => code !== 0 && (code < 0xd800 || code > 0xdfff))
  // Planes 4 to 13 hold no characters.
  .filter((code) => code < 0x40000 || code > 0xdffff)
  .map((code) => String.fromCodePoint(code));

function compare(
  normalizer: { type: string; [field: string]: unknown },
  frame: (char: string) => string,
) {
  const ours = createNormalizer(normalizer)!;
  const native = NativeTokenizer.fromString(
    JSON.stringify({
      added_tokens: [],
      normalizer,
      model: { type: "WordLevel", vocab: { a: 0 }, unk_token: "a" },
    }),
  ).getNormalizer()!;
  const wrong: string[] = [];
  for (let at = 0; at < characters.length; at += 64) {
    const part = characters.slice(at, at + 64);
    const text = part.map(frame).join("\n");
    if (native.normalizeString(text) === ours(text)) continue;
    for (const char of part) {
      if (native.normalizeString(frame(char)) !== ours(frame(char))) {
        wrong.push(char.codePointAt(0)!.toString(16));
      }
    }
  }
  return wrong;
}

describe("classes of patterns", () => {
  const names = ["L", "N", "M", "P", "S", "Z", "C", "Lu", "Ll", "Lt", "Lm", "Lo", "Nd"];
  test.each([
    "\\s",
    "\\S",
    "\\d",
    ...names.map((name) => `\\p{${name}}`),
    "[^\\s\\p{L}\\p{N}]",
    "\\P{L}",
    "(?i:'s)",
    "(?i:k)",
  ])("%s", (pattern) => {
    const normalizer = { type: "Replace", pattern: { Regex: pattern }, content: "#" };
    expect(compare(normalizer, (char) => `'${char}`)).toEqual([]);
  });
});

describe("normal forms", () => {
  test.each(["NFC", "NFD", "NFKC", "NFKD"])("%s, alone and between marks", (type) => {
    expect(compare({ type }, (char) => char)).toEqual([]);
    expect(compare({ type }, (char) => `a\u0301\u0327${char}\u0316\u0302`)).toEqual([]);
  });
});

test.each(["Lowercase", "StripAccents", "Nmt"])("%s", (type) => {
  expect(compare({ type }, (char) => `Σ${char}`)).toEqual([]);
});

test("BertNormalizer", () => {
  const flags = {
    clean_text: true,
    handle_chinese_chars: true,
    strip_accents: null,
    lowercase: true,
  };
  expect(compare({ type: "BertNormalizer", ...flags }, (char) => `a${char}a`)).toEqual([]);
});
