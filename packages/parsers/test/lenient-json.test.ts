import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LenientJson } from "../src/json/lenient-json.ts";
import { textToJson } from "../src/json/read-json.ts";

describe("JSON as models write it", () => {
  it.each([
    ["single quotes", `{'a': 'it\\'s "x"'}`, `{"a": "it's \\"x\\""}`],
    ["raw line breaks and tabs", '{"a": "1\n2\t3\u0001"}', '{"a": "1\\n2\\t3\\u0001"}'],
    ["trailing commas", '{"a": [1, 2, ], }', '{"a": [1, 2 ] }'],
    ["Python's literals", '{"a": True, "b": [False, None]}', '{"a": true, "b": [false, null]}'],
    ["numbers that are none", "[NaN, Infinity, -Infinity, undefined]", "[null, null, null, null]"],
    ["loose numbers", "[+1, .5, 1., 007, -.5, 1e5]", "[1, 0.5, 1, 7, -0.5, 1e5]"],
    ["bare keys", "{name: 1, $x: 2, 3: 4}", '{"name": 1, "$x": 2, "3": 4}'],
    ["wrong escapes", '"\\d \\x41 \\u12 \\\n"', '"\\\\d \\u0041 \\\\u12 \\\\\\n"'],
    ["great numbers", "[12345678901234567890, 1.50, 1E400]", "[12345678901234567890, 1.50, 1E400]"],
    ["keys twice", '{"a": 1, "a": 2}', '{"a": 1, "a": 2}'],
  ])("%s", (_, text, json) => {
    expect(textToJson(text)).toBe(json);
    expect(() => JSON.parse(json)).not.toThrow();
  });

  it.each([
    "{",
    '{"a"}',
    '{"a": }',
    "[1,,2]",
    "[1 2]",
    "{]",
    "[1}",
    "word",
    '"open',
    "",
    "1 2",
    "{a b: 1}",
    "[".repeat(600),
  ])("never guesses structure: %s", (text) => {
    expect(textToJson(text)).toBeNull();
  });

  it("passes strict JSON byte for byte, at any cut", () => {
    fc.assert(
      fc.property(
        fc.jsonValue(),
        fc.constantFrom(undefined, 2),
        fc.array(fc.nat(9)),
        (value, indent, lengths) => {
          const text = JSON.stringify(value, null, indent);
          const json = new LenientJson();
          let output = "";
          for (let at = 0, turn = 0; at < text.length; turn++) {
            const piece = text.slice(at, at + 1 + (lengths[turn % (lengths.length || 1)] ?? 3));
            json.read(piece, 0, piece.length);
            output += json.takeOutput();
            at += piece.length;
          }
          expect(json.end()).toBe(true);
          expect(output + json.takeOutput()).toBe(text);
        },
      ),
    );
  });

  it("gives out valid JSON or says that there is none, whatever comes", () => {
    const unit = fc.constantFrom(..."{}[]:,\"'\\ \nu09afxtrueNone-+.e_k");
    fc.assert(
      fc.property(fc.array(unit, { maxLength: 40 }), (units) => {
        const json = textToJson(units.join(""));
        if (json !== null) expect(() => JSON.parse(json)).not.toThrow();
      }),
      { numRuns: 5000 },
    );
  });
});
