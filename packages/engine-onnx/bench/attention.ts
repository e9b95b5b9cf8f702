// Paged against in-place attention, in turns, below the scheduler: decode by batch size and context, prefill.
//   node --conditions=@dyn/source --import tsx bench/attention.ts [folder] [shape] [--rounds N]
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { createOnnxExecutor } from "../src/index.ts";
import { ExecutorProbe } from "./measure-executor.ts";
import { type ShapeName, shapes } from "./models/shapes.ts";
import { writeCheckpoint } from "./models/write-checkpoint.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: "string", default: "5" } },
});
const [folder = join(tmpdir(), "dyn-bench"), shape = "small"] = positionals;
const modelDirectory = writeCheckpoint(join(folder, shape), shapes[shape as ShapeName]);
const steps = shape === "small" ? 16 : 4;

const open = async (attention: "paged" | "gqa") =>
  new ExecutorProbe(
    await createOnnxExecutor({
      modelDirectory,
      attention,
      quantization: "q8",
      threadCount: 2,
      maxRunningRequests: 16,
      maxTotalTokens: 16 * 2064,
      contextLength: 4096,
      cacheDirectory: join(folder, "cache"),
    }),
  );
const probes = { paged: await open("paged"), gqa: await open("gqa") };
const cases = [
  ...[128, 512].map((tokens) => ({
    label: `prefill ${tokens}`,
    tokens,
    run: (probe: ExecutorProbe) => probe.prefill(tokens).then((ms) => [ms]),
  })),
  ...[256, 1024, 2048].flatMap((context) =>
    [1, 4, 8, 16].map((tokens) => ({
      label: `decode ${tokens}, context ${context}`,
      tokens,
      run: (probe: ExecutorProbe) => probe.decode(tokens, context, steps),
    })),
  ),
];
console.log(
  `${shape}, q8: tokens/s, best (median)\n\n| | paged | gqa | ratio of best | ratio of median |\n|---|---|---|---|---|`,
);
for (const { label, tokens, run } of cases) {
  const times = { paged: [] as number[], gqa: [] as number[] };
  for (let round = -1; round < Number(values.rounds); round++) {
    for (const name of ["paged", "gqa"] as const) {
      const measured = await run(probes[name]);
      if (round >= 0) times[name].push(...measured);
    }
  }
  const rates = (ms: number[]) => {
    const sorted = [...ms].sort((a, b) => a - b);
    return [sorted[0]!, sorted[sorted.length >> 1]!].map((time) => (1000 * tokens) / time);
  };
  const [paged, gqa] = [rates(times.paged), rates(times.gqa)];
  const show = (rate: number[]) => `${rate[0]!.toPrecision(3)} (${rate[1]!.toPrecision(3)})`;
  const ratios = [0, 1].map((i) => (gqa[i]! / paged[i]!).toFixed(2));
  console.log(`| ${label} | ${show(paged)} | ${show(gqa)} | ${ratios[0]} | ${ratios[1]} |`);
}
process.exit(0);
