import { expect, test } from "vitest";
import { countPages, type PageBudgetOptions } from "../src/executor/page-budget.ts";

const options: PageBudgetOptions = {
  pageSize: 16,
  contextLength: 4096,
  kvBytesPerToken: 1000,
  maxRunningRequests: 4,
  maxTotalTokens: null,
  budgetBytes: 1_600_000,
};

test("pages fill the budget", () => {
  expect(countPages(options)).toBe(100);
});

test("pages do not exceed what all running requests can fill", () => {
  expect(countPages({ ...options, budgetBytes: 1e12 })).toBe((4 * 4096) / 16);
});

test("a number of tokens overrides the budget, in whole pages", () => {
  expect(countPages({ ...options, maxTotalTokens: 1000 })).toBe(62);
});

test.each([
  [{ budgetBytes: 15_000 }, "memoryFraction"],
  [{ maxTotalTokens: 15 }, "maxTotalTokens"],
])("no page at all is refused: %j", (change, param) => {
  expect(() => countPages({ ...options, ...change })).toThrow(expect.objectContaining({ param }));
});
