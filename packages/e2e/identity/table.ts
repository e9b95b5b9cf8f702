import { cpus } from "node:os";
import { aspects } from "./answer.ts";
import type { Comparison } from "./compare.ts";
import { questionKinds } from "./question.ts";

/** The page that `pnpm identity` writes. */
export function comparisonsToMarkdown(
  comparisons: readonly Comparison[],
  run: { readonly seed: number; readonly seconds: number },
): string {
  const line = (cells: readonly (string | number)[]) => `| ${cells.join(" | ")} |`;
  const [first] = comparisons;
  const cpu = cpus()[0]?.model.trim() ?? "unknown";
  const head = [
    "deployment",
    "answered",
    ...aspects.map((aspect) => `same ${aspect}`),
    "prefilled by the pool",
    "cut",
    "failed prefills, done elsewhere",
    "largest difference of log-probabilities",
    "s",
  ];
  return [
    "# Prefill and decode apart say what one worker says",
    "",
    `Made by \`pnpm identity --seed ${run.seed}\` in ${Math.round(run.seconds)} s, ${new Date().toISOString().slice(0, 10)}: ${cpus().length} cores (${cpu}, shared), Node ${process.versions.node}.`,
    "",
    `${first?.questionCount ?? 0} questions over HTTP, eight at a time, to the bundled model on the ONNX engine: ${first?.choiceCount ?? 0} choices, ${first?.tokenCount ?? 0} tokens.`,
    `Kinds: ${questionKinds.join("; ")}.`,
    "Every answer is compared with that of one aggregated worker: message, token by token, finish reasons, and usage but for `cached_tokens`.",
    "",
    line(head),
    line(head.map(() => "---")),
    ...comparisons.map((it) => {
      const answered = it.questionCount - it.failures.length;
      return line([
        it.variant.name,
        answered,
        ...aspects.map((aspect) => answered - (it.different.get(aspect) ?? 0)),
        it.counts.pooled,
        it.counts.cuts,
        it.counts.failed,
        it.logprobDifference === 0 ? 0 : it.logprobDifference.toExponential(1),
        it.seconds.toFixed(0),
      ]);
    }),
    "",
    "- *prefilled by the pool*: each choice of `n` has a room of its own.",
    "- *cut*: the prefill worker's connection was destroyed in the middle of a run of KV, which takes every hand-over on it along.",
    "- *largest difference*: of the log-probability of any token, which the comparison before leaves out.",
    "",
  ].join("\n");
}
