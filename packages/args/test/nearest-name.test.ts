import fc from "fast-check";
import { expect, test } from "vitest";
import { editDistance, nearestName } from "../src/parse/nearest-name.ts";

/** The definition, without a table: insertions, deletions, substitutions, swaps of neighbours. */
function slowDistance(a: string, b: string): number {
  if (a === "" || b === "") return a.length + b.length;
  const swapped = a.length > 1 && b.length > 1 && a.at(-1) === b.at(-2) && a.at(-2) === b.at(-1);
  return Math.min(
    slowDistance(a.slice(0, -1), b) + 1,
    slowDistance(a, b.slice(0, -1)) + 1,
    slowDistance(a.slice(0, -1), b.slice(0, -1)) + (a.at(-1) === b.at(-1) ? 0 : 1),
    swapped ? slowDistance(a.slice(0, -2), b.slice(0, -2)) + 1 : Number.POSITIVE_INFINITY,
  );
}

test("the edit distance is that of its definition", () => {
  const text = fc.string({ unit: fc.constantFrom("a", "b", "c"), maxLength: 6 });
  fc.assert(
    fc.property(text, text, (a, b) => {
      expect(editDistance(a, b)).toBe(slowDistance(a, b));
    }),
    { numRuns: 300 },
  );
});

test("the nearest name is near, or none is named", () => {
  expect(nearestName("modle-path", ["model-name", "model-path", "mode"])).toBe("model-path");
  expect(nearestName("zzzzzz", ["model-path"])).toBeUndefined();
  expect(nearestName("", ["a"])).toBe("a");
});
