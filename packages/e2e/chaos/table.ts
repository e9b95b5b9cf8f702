import { cpus } from "node:os";
import type { Outcome } from "./fault.ts";

const columns: readonly (readonly [head: string, cell: (outcome: Outcome) => string])[] = [
  ["fault", ({ fault }) => fault],
  ["how", ({ means }) => means],
  ["sent", ({ sent }) => count(sent)],
  ["completed", ({ completed }) => count(completed)],
  ["migrated", ({ migrated }) => count(migrated)],
  ["typed error", ({ typed }) => count(typed)],
  ["connection lost", ({ broken }) => count(broken)],
  ["hung", ({ hung }) => count(hung)],
  ["tokens lost", ({ lost }) => count(lost)],
  ["tokens doubled", ({ doubled }) => count(doubled)],
  ["s to recover", ({ recoverySeconds }) => recoverySeconds.toFixed(1)],
  ["s, discovery", ({ discoverySeconds }) => discoverySeconds?.toFixed(1) ?? ""],
];

/** The page that `pnpm chaos` writes. */
export function outcomesToMarkdown(
  outcomes: readonly Outcome[],
  run: { readonly seed: number; readonly seconds: number; readonly skipped: readonly string[] },
): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const rows = outcomes.map((outcome) => line(columns.map(([, cell]) => cell(outcome))));
  const cpu = cpus()[0]?.model.trim() ?? "unknown";
  const failures = outcomes
    .filter(({ reasons }) => reasons.length > 0)
    .map(({ fault, reasons }) => `- ${fault}: ${reasons.join("; ")}`);
  return [
    "# Reliability",
    "",
    `Made by \`pnpm chaos --seed ${run.seed}\` in ${Math.round(run.seconds)} s, ${new Date().toISOString().slice(0, 10)}: ${cpus().length} cores (${cpu}, shared), Node ${process.versions.node}.`,
    "",
    "A frontend and two workers with the mock engine, each a process of its own; clients ask one streamed question after the other,",
    "greedy and seeded, one choice and two; for the rows of prefill and decode workers two of each. Every answer is compared token by token with the undisturbed one, and the greedy ones",
    "with the mock's definition: token i is a hash of the prompt and the tokens before it.",
    "",
    line(columns.map(([head]) => head)),
    line(columns.map(() => "---")),
    ...rows,
    "",
    "- *s to recover*: the longest time that any request went without a token, from its sending on; for one that failed, from the",
    "  fault to its end. The figure holds the length of the fault where requests wait for its end.",
    "- *s, discovery*: from the end of the fault until a model that is put into discovery then is listed by the frontend.",
    "- *how* says what was done by signal, network namespace or tmpfs, and what by our own proxy or an injected clock.",
    ...(failures.length === 0 ? [] : ["", "Failures by code:", "", ...failures]),
    ...(run.skipped.length === 0
      ? []
      : ["", "Not run here:", "", ...run.skipped.map((it) => `- ${it}`)]),
    "",
  ].join("\n");
}

/** The page with the sections that others wrote below the last one's. */
export function withOtherSections(page: string, last: string): string {
  const at = last.indexOf("\n## ");
  return at < 0 ? page : page + last.slice(at);
}

function count(value: number): string {
  return value.toLocaleString("en");
}
