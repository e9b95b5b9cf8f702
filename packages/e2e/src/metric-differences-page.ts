// docs/reference/metrics.md: what the reference shows and dyn does not, with reasons. A test keeps it.
import type { MetricFamily } from "./metric-families.ts";
import { excuses } from "./page-differences.ts";

/** `recorded`: the reference's pages. */
export function metricDifferencesPage(
  recorded: Readonly<Record<string, readonly MetricFamily[]>>,
): string {
  const rows = excuses.flatMap(({ reason, names, pages }) => {
    const found = Object.entries(recorded)
      .filter(([page]) => pages?.includes(page) ?? true)
      .map(([page, all]) => [page, all.filter(({ name }) => names.test(name))] as const)
      .filter(([, all]) => all.length > 0);
    const families = [...new Set(found.flatMap(([, all]) => all.map(({ name }) => name)))].sort();
    const where = found.map(([page]) => page).join(", ");
    return `| ${families.map((name) => `\`${name}\``).join("<br>")} | ${where} | ${reason} |`;
  });
  return `<!-- Written from packages/e2e/src/page-differences.ts by \`pnpm vitest run packages/e2e/test/reference-pages.test.ts -u\`: do not edit. -->

# Metrics that Dynamo 1.6.1 over SGLang 0.5.21 has and dyn has not

Every other family that their pages show, dyn's show under the same name, with its type, labels and bounds: a test compares running processes with recorded
pages. [Watch a deployment](../guides/observe.md) says what they tell, and what dyn shows beyond them (\`dyn_*\`). Pages are those of a frontend, of
\`dyn-router\` and \`dyn-indexer\`, and of workers by their kind.

| families | pages | why |
|---|---|---|
${rows.join("\n")}
`;
}
