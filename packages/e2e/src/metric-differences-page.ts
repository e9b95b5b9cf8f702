// docs/reference/metrics.md: what the reference shows and dyn does not, and what is ours alone, with reasons. A test keeps it.
import type { MetricFamily } from "./metric-families.ts";
import { type Excuse, excuses, oursAlone } from "./page-differences.ts";

type Pages = Readonly<Record<string, readonly MetricFamily[]>>;

/** `recorded`: the reference's pages; `shown`: names on ours. */
export function metricDifferencesPage(
  recorded: Pages,
  shown: Readonly<Record<string, Iterable<string>>>,
): string {
  const theirs = Object.entries(recorded).map(
    ([page, families]) => [page, families.map(({ name }) => name)] as const,
  );
  const ours = Object.entries(shown).map(([page, names]) => {
    const known = new Set(recorded[page]?.map(({ name }) => name));
    return [page, [...names].filter((name) => !known.has(name))] as const;
  });
  return `<!-- Written from packages/e2e/src/page-differences.ts by \`pnpm vitest run packages/e2e/test/reference-pages.test.ts -u\`: do not edit. -->

# Metrics: what differs from Dynamo 1.6.1 over SGLang 0.5.21

Every other family that their pages show, dyn's pages show with the same name, type, labels and bounds: a test compares running processes with recorded
pages. [Watch a deployment](../guides/observe.md) says what the families tell. Pages are those of a frontend, of \`dyn-router\` and \`dyn-indexer\`, and of
workers by their kind.

## Not shown

| families | pages | why |
|---|---|---|
${rows(excuses, theirs)}

## Shown by dyn alone

\`process_*\` and \`nodejs_*\` are prom-client's and left out here.

| families | pages | why |
|---|---|---|
${rows(
  oursAlone.filter(({ names }) => !names.test("process_cpu_seconds_total")),
  ours,
)}
`;
}

function rows(
  list: readonly Excuse[],
  pages: readonly (readonly [page: string, names: readonly string[]])[],
): string {
  return list
    .map(({ reason, names, pages: of }) => {
      const found = pages
        .filter(([page]) => of?.includes(page) ?? true)
        .map(([page, all]) => [page, all.filter((name) => names.test(name))] as const)
        .filter(([, all]) => all.length > 0);
      const families = [...new Set(found.flatMap(([, all]) => all))].sort();
      if (families.length === 0) return null;
      const where = found.map(([page]) => page).join(", ");
      return `| ${families.map((name) => `\`${name}\``).join("<br>")} | ${where} | ${reason} |`;
    })
    .filter((row) => row !== null)
    .join("\n");
}
