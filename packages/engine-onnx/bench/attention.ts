// The ways of attention, in turns, below the scheduler: decode by batch size and context, prefill.
//   node --conditions=@dyn/source --import tsx bench/attention.ts [folder] [shape] [--rounds N] [--ways pages,halfPages] [--context 256] [--threads 2]
// Ratios are those of the last way to the first one.
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { createOnnxExecutor, type OnnxExecutorOptions } from "../src/index.ts";
import { ExecutorProbe } from "./measure-executor.ts";
import { type ShapeName, shapes } from "./models/shapes.ts";
import { writeCheckpoint } from "./models/write-checkpoint.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: "string", default: "5" },
    ways: { type: "string", default: "gqa,paged,pages,halfPages" },
    context: { type: "string", multiple: true, default: ["256", "1024", "2048"] },
    threads: { type: "string", default: "2" },
  },
});
const [folder = join(tmpdir(), "dyn-bench"), shape = "small"] = positionals;
const modelDirectory = writeCheckpoint(join(folder, shape), shapes[shape as ShapeName]);
const steps = shape === "small" ? 16 : 4;

const known = {
  paged: { attention: "paged", kvCacheDtype: "float32" },
  gqa: { attention: "gqa", kvCacheDtype: "float32" },
  pages: { attention: "pages", kvCacheDtype: "float32" },
  halfPages: { attention: "pages", kvCacheDtype: "float16" },
} as const satisfies Record<string, Partial<OnnxExecutorOptions>>;

const contexts = values.context.map(Number);
const capacity = Math.max(...contexts, 512) + 16;
const ways = await Promise.all(
  values.ways.split(",").map(async (name) => ({
    name,
    probe: new ExecutorProbe(
      await createOnnxExecutor({
        modelDirectory,
        ...known[name as keyof typeof known],
        quantization: "q8",
        threadCount: Number(values.threads),
        maxRunningRequests: 16,
        maxTotalTokens: 16 * capacity,
        contextLength: capacity,
        cacheDirectory: join(folder, "cache"),
      }),
    ),
  })),
);
const cases = [
  ...[128, 512].map((tokens) => ({
    label: `prefill ${tokens}`,
    tokens,
    run: (probe: ExecutorProbe) => probe.prefill(tokens).then((ms) => [ms]),
  })),
  ...contexts.flatMap((context) =>
    [1, 4, 8, 16].map((tokens) => ({
      label: `decode ${tokens}, context ${context}`,
      tokens,
      run: (probe: ExecutorProbe) => probe.decode(tokens, context, steps),
    })),
  ),
];
const heads = ["", ...ways.map(({ name }) => name), "best", "median", "processor time"];
console.log(`${shape}, q8, ${values.threads} threads: tokens/s, best (median)\n`);
console.log(`| ${heads.join(" | ")} |\n|${"---|".repeat(heads.length)}`);
for (const { label, tokens, run } of cases) {
  const measured = ways.map(() => ({ times: [] as number[], processorMs: [] as number[] }));
  for (let round = -1; round < Number(values.rounds); round++) {
    for (const [i, { probe }] of ways.entries()) {
      const before = process.cpuUsage();
      const times = await run(probe);
      const { user, system } = process.cpuUsage(before);
      if (round < 0) continue;
      measured[i]!.times.push(...times);
      measured[i]!.processorMs.push((user + system) / 1000);
    }
  }
  const rates = measured.map(({ times, processorMs }) =>
    [least(times), median(times), median(processorMs)].map((time) => (1000 * tokens) / time),
  );
  const shown = rates.map(
    ([best, middle]) => `${best!.toPrecision(3)} (${middle!.toPrecision(3)})`,
  );
  const ratios = [0, 1, 2].map((i) => (rates.at(-1)![i]! / rates[0]![i]!).toFixed(2));
  console.log(`| ${[label, ...shown, ...ratios].join(" | ")} |`);
}
process.exit(0);

function least(times: readonly number[]): number {
  return Math.min(...times);
}

function median(times: readonly number[]): number {
  return [...times].sort((a, b) => a - b)[times.length >> 1]!;
}
