import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseJson } from "../src/validation/parse-json.ts";
import { scanJson } from "../src/validation/scan-json.ts";

const limits = { jsonDepth: 8, jsonContainerCount: 1000, jsonValueCount: 2000 };

/** The oracle: nesting of a value. */
function depthOf(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}

describe("parseJson", () => {
  it("gives what JSON.parse gives, and refuses by depth alone", () => {
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        { maxDepth: 12, depthSize: "large" },
        fc.string({ unit: "binary" }),
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        fc.array(tie("tree"), { maxLength: 3 }),
        fc.dictionary(fc.string(), tie("tree"), { maxKeys: 3 }),
      ),
    }));
    fc.assert(
      fc.property(fc.dictionary(fc.string(), tree), (value) => {
        const text = JSON.stringify(value);
        const parse = () => parseJson(Buffer.from(text), limits);
        if (depthOf(JSON.parse(text)) > limits.jsonDepth) expect(parse).toThrow(/deeper than 8/);
        else expect(parse()).toEqual(JSON.parse(text));
      }),
      { numRuns: 500 },
    );
  });

  it("finds a key that stands twice, and only then", () => {
    const twice = (text: string) => () => scanJson(Buffer.from(text), limits);
    expect(twice('{"a": "b", "c": {"a": 1}, "a": 2}')).toThrow(/"a" stands twice/);
    expect(twice('{"a": "a", "b": ["a", "a"], "c": {"b": 1, "d": 1}}')).not.toThrow();
    expect(twice(String.raw`{"a\"": 1, "a": "\\", "b": 1}`)).not.toThrow();
    expect(twice('["a", "a"]')).not.toThrow();
  });

  it("refuses more values than memory is meant for, wherever they are", () => {
    const scan = (text: string) => () => scanJson(Buffer.from(text), limits);
    expect(scan(`{"a": [${"{},".repeat(999)}1]}`)).toThrow(/more than 1000 objects and lists/);
    expect(scan(`{"a": [${"{},".repeat(990)}1]}`)).not.toThrow();
    expect(scan(`{"a": [${"1,".repeat(2001)}1]}`)).toThrow(/more than 2000 values/);
    expect(scan(`{"a": "${"[,{".repeat(5000)}"}`)).not.toThrow();
  });

  it("answers any bytes with a value or a 400", () => {
    const alphabet = fc.constantFrom(...'{}[]",:\\u0dDa1 .-\n');
    fc.assert(
      fc.property(fc.string({ unit: alphabet, maxLength: 40 }), (text) => {
        try {
          expect(parseJson(Buffer.from(text), limits)).toEqual(JSON.parse(text));
        } catch (error) {
          expect(error).toMatchObject({ status: 400 });
        }
      }),
      { numRuns: 2000 },
    );
  });
});
