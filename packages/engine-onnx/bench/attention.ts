// The three ways of attention, in turns, below the scheduler: decode by batch size and context, prefill.
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

const ways = ["paged", "gqa", "pages"] as const;
const open = async (attention: (typeof ways)[number]) =>
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
const probes = {
  paged: await open("paged"),
  gqa: await open("gqa"),
  pages: await open("pages"),
};
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
  `${shape}, q8: tokens/s, best (median)\n\n| | paged | gqa | pages | pages to gqa: best | median |\n|---|---|---|---|---|---|`,
);
for (const { label, tokens, run } of cases) {
  const times = { paged: [] as number[], gqa: [] as number[], pages: [] as number[] };
  for (let round = -1; round < Number(values.rounds); round++) {
    for (const way of ways) {
      const measured = await run(probes[way]);
      if (round >= 0) times[way].push(...measured);
    }
  }
  const rates = ways.map((way) => {
    const sorted = times[way].sort((a, b) => a - b);
    return [sorted[0]!, sorted[sorted.length >> 1]!].map((time) => (1000 * tokens) / time);
  });
  const shown = rates.map(
    ([best, median]) => `${best!.toPrecision(3)} (${median!.toPrecision(3)})`,
  );
  const ratios = [0, 1].map((i) => (rates[2]![i]! / rates[1]![i]!).toFixed(2));
  console.log(`| ${[label, ...shown, ...ratios].join(" | ")} |`);
}
process.exit(0);
