// Against llama.cpp, in one run, in turns: decode at batch 1, 4, 8, 16 and prefill of 128 and 512 tokens.
//   node --conditions=@dyn/source --import tsx bench/llama-cpp.ts [folder] [shape ...] [--rounds N]
// `folder` keeps models and the peer (about 6 GB); shapes: qwen3-0.6b, small.
// Each side is driven through its JavaScript API, greedy sampling included.
import { cpus, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { BenchEngine, BenchSettings } from "./engines/bench-engine.ts";
import { startEngine } from "./engines/engine-process.ts";
import { installPeer, peerPackage } from "./engines/install-peer.ts";
import { type ShapeName, shapes } from "./models/shapes.ts";
import { writeCheckpoint } from "./models/write-checkpoint.ts";
import { writeGguf } from "./models/write-gguf.ts";

const threadCount = 2;
const promptTokens = [128, 512];
const batchSizes = [1, 4, 8, 16];
const decodeContext = 256;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: "string", default: "5" } },
});
const [folder = join(tmpdir(), "dyn-bench"), ...named] = positionals;
const shapeNames = (named.length > 0 ? named : Object.keys(shapes)) as ShapeName[];

console.log(
  `${cpus()[0]?.model}, ${cpus().length} processors, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}, ${peerPackage}, ${new Date().toISOString().slice(0, 10)}`,
);
for (const name of shapeNames) {
  for (const quantization of ["q8", null] as const) await compare(name, quantization);
}

async function compare(name: ShapeName, quantization: "q8" | null): Promise<void> {
  const shape = shapes[name];
  const modelDirectory = writeCheckpoint(join(folder, name), shape);
  const type = quantization === "q8" ? "Q8_0" : "BF16";
  const gguf = await writeGguf(join(folder, `${name}.${type}.gguf`), modelDirectory, shape, type);
  const settings: BenchSettings = {
    model: modelDirectory,
    quantization,
    threadCount,
    vocabSize: shape.vocab_size,
    contextLength: 640,
    maxBatchSize: Math.max(...batchSizes),
    decodeContext,
    cacheDirectory: join(folder, "cache"),
    peerDirectory: installPeer(join(folder, "peer")),
  };
  const ours = await startEngine("dyn", settings);
  const theirs = await startEngine("llama", { ...settings, model: gguf });
  const rows = measures(name === "small" ? 32 : 8).map((measure) => ({
    ...measure,
    ours: [] as number[],
    theirs: [] as number[],
  }));
  for (let round = -1; round < Number(values.rounds); round++) {
    for (const row of rows) {
      // The first round warms up; who goes first changes with every round.
      const sides = [
        { engine: ours, times: row.ours },
        { engine: theirs, times: row.theirs },
      ];
      if (round % 2 !== 0) sides.reverse();
      for (const { engine, times } of sides) {
        const stepMs = await row.run(engine);
        if (round >= 0) times.push(stepMs);
      }
    }
  }
  await ours.close();
  await theirs.close();
  console.log(`\n${name}, ${quantization ?? "f32"} against ${type}: tokens/s, best (median)\n`);
  console.log("| | dyn | llama.cpp | ratio of best | ratio of median |\n|---|---|---|---|---|");
  for (const row of rows) {
    const [a, b] = [row.ours, row.theirs].map((times) => {
      const sorted = [...times].sort((x, y) => x - y);
      const rate = (ms: number) => (1000 * row.tokens) / ms;
      return { best: rate(sorted[0]!), median: rate(sorted[sorted.length >> 1]!) };
    }) as [{ best: number; median: number }, { best: number; median: number }];
    const show = ({ best, median }: typeof a) =>
      `${best.toPrecision(3)} (${median.toPrecision(3)})`;
    console.log(
      `| ${row.label} | ${show(a)} | ${show(b)} | ${(a.best / b.best).toFixed(2)} | ${(a.median / b.median).toFixed(2)} |`,
    );
  }
}

function measures(steps: number) {
  return [
    ...promptTokens.map((tokens) => ({
      label: `prefill ${tokens}`,
      tokens,
      run: (engine: BenchEngine) => engine.prefill(tokens),
    })),
    ...batchSizes.map((tokens) => ({
      label: `decode ${tokens}`,
      tokens,
      run: (engine: BenchEngine) => engine.decode(tokens, steps),
    })),
  ];
}
