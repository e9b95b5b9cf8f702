// `pnpm identity [--seed N] [--count N] [--only TEXT]`: disaggregated deployments against one aggregated worker; with all
// of them the table in docs/benchmarks.
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { createRandom } from "../src/random.ts";
import { type Comparison, compare, expectedAnswers } from "./compare.ts";
import { createQuestions } from "./question.ts";
import { comparisonsToMarkdown } from "./table.ts";
import { aggregated, variants } from "./variants.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    count: { type: "string", default: "300" },
    only: { type: "string", default: "" },
  },
});
const seed = Number(values.seed);
const begunMs = performance.now();
const questions = createQuestions(Number(values.count), createRandom(seed));
const expected = await expectedAnswers(aggregated, questions, seed);
const comparisons: Comparison[] = [];
for (const variant of variants.filter(({ name }) => name.includes(values.only))) {
  const comparison = await compare(variant, questions, expected, seed);
  comparisons.push(comparison);
  const { different, failures, examples, counts, seconds } = comparison;
  const told = { ...Object.fromEntries(different), failed: failures.length, counts, seconds };
  console.log(`${variant.name}: ${JSON.stringify(told)}`);
  for (const text of [...failures.slice(0, 5), ...examples]) console.log(`  ${text}`);
}
const seconds = (performance.now() - begunMs) / 1000;
const markdown = comparisonsToMarkdown(comparisons, { seed, seconds });
if (values.only === "" && values.count === "300") {
  writeFileSync(new URL("../../../docs/benchmarks/disagg-identity.md", import.meta.url), markdown);
} else console.log(markdown);
const isWrong = ({ variant, different, failures, counts }: Comparison) =>
  different.size + failures.length > 0 || (variant.cutShare !== undefined && counts.cuts === 0);
process.exitCode = comparisons.some(isWrong) ? 1 : 0;
