// The short form of `pnpm identity`: over TCP, between pages of two sizes, with every fifth hand-over cut in the middle.
import { expect, test } from "vitest";
import { compare, expectedAnswers } from "../identity/compare.ts";
import type { Variant } from "../identity/deployment.ts";
import { createQuestions } from "../identity/question.ts";
import { aggregated } from "../identity/variants.ts";
import { createRandom } from "../src/random.ts";

const seed = Number(process.env.DYN_IDENTITY_SEED ?? Date.now() % 1_000_000);
const tcp = ["--disaggregation-transport", "tcp"];
const variant: Variant = {
  name: "cut",
  workers: [
    ["--disaggregation-mode", "prefill", "--page-size", "16", ...tcp],
    ["--disaggregation-mode", "decode", "--page-size", "4", ...tcp],
  ],
  cutShare: 0.2,
};

test(`two workers say what one says, though hand-overs are cut (DYN_IDENTITY_SEED=${seed})`, {
  timeout: 600_000,
}, async () => {
  const questions = createQuestions(20, createRandom(seed));
  const expected = await expectedAnswers(aggregated, questions, seed);
  const { failures, different, examples, counts } = await compare(
    variant,
    questions,
    expected,
    seed,
  );
  expect({ failures, different: [...different], examples }).toEqual({
    failures: [],
    different: [],
    examples: [],
  });
  expect(counts.pooled).toBeGreaterThanOrEqual(questions.length);
  expect(counts.cuts).toBeGreaterThan(0);
  expect(counts.failed).toBeGreaterThan(0);
});
