import { expect, test } from "vitest";
import { onigurumaToRegExp } from "../../src/pipeline/pattern.ts";

test.each([
  "\\w+",
  "a++",
  "a{1,2}+",
  "[a[b]]",
  "[a&&b]",
  "(?>a)",
  "(?i)a",
  "^a",
  "a$",
  ".",
  "\\x41",
  "[[:alpha:]]",
])("a pattern that is not known for certain is refused: %s", (pattern) => {
  expect(onigurumaToRegExp(pattern)).toBeNull();
});
