// Embeddings against llama.cpp, in one run, in turns: short texts and texts of 512 tokens.
//   node --conditions=@dyn/source --import tsx bench/embeddings.ts [folder] [shape] [q8|f32] [--rounds N] [--threads N] [--tokens N]
// `--tokens`: of all texts of a call. Processor time is what a busy machine leaves comparable: wall time is not.
// `folder` keeps models and the peer; shapes: qwen3-0.6b, small. Random weights, the same numbers on both sides.
import { cpus, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { BenchEmbedder, EmbedCost, EmbedderSettings } from "./embedders/embedder.ts";
import { startEmbedder } from "./embedders/embedder-process.ts";
import { installPeer, peerPackage } from "./engines/install-peer.ts";
import { type ShapeName, shapes } from "./models/shapes.ts";
import { writeCheckpoint } from "./models/write-checkpoint.ts";
import { writeGguf } from "./models/write-gguf.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: "string", default: "5" },
    threads: { type: "string", default: "2" },
    tokens: { type: "string", default: "4096" },
  },
});
const [folder = join(tmpdir(), "dyn-bench"), name = "small", type = "q8"] = positionals;
const shape = shapes[name as ShapeName];
const quantization = type === "q8" ? "q8" : null;
/** Texts and tokens of each: about the same work in every row. */
const tokensPerCall = Number(values.tokens);
const loads = [16, 64, 512].map((tokens) => ({ tokens, texts: tokensPerCall / tokens }));

console.log(
  `${cpus()[0]?.model}, ${cpus().length} processors, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}, ${peerPackage}, ${new Date().toISOString().slice(0, 10)}`,
);
const modelDirectory = writeCheckpoint(join(folder, name), shape);
const ggufType = quantization === "q8" ? "Q8_0" : "BF16";
const settings: EmbedderSettings = {
  model: modelDirectory,
  quantization,
  threadCount: Number(values.threads),
  vocabSize: shape.vocab_size,
  cacheDirectory: join(folder, "cache"),
  peerDirectory: installPeer(join(folder, "peer")),
};
const gguf = await writeGguf(
  join(folder, `${name}.${ggufType}.gguf`),
  modelDirectory,
  shape,
  ggufType,
);
const ours = await startEmbedder("dyn", settings);
const theirs = await startEmbedder("llama", { ...settings, model: gguf });
const rows = loads.map((load) => ({ ...load, ours: [] as EmbedCost[], theirs: [] as EmbedCost[] }));
for (let round = -1; round < Number(values.rounds); round++) {
  for (const row of rows) {
    // The first round warms up; who goes first changes with every round.
    const sides: { embedder: BenchEmbedder; times: EmbedCost[] }[] = [
      { embedder: ours, times: row.ours },
      { embedder: theirs, times: row.theirs },
    ];
    if (round % 2 !== 0) sides.reverse();
    for (const { embedder, times } of sides) {
      const cost = await embedder.embed(row.texts, row.tokens);
      if (round >= 0) times.push(cost);
    }
  }
}
await ours.close();
await theirs.close();
console.log(
  `\n${name}, ${type} against ${ggufType}, ${values.threads} threads: texts per second, median of ${values.rounds} (best)\n`,
);
console.log("| texts of | by | dyn | llama.cpp | ratio of medians |\n|---|---|---|---|---|");
for (const row of rows) {
  for (const [by, label] of [
    ["wallMs", "the clock"],
    ["cpuMs", "processor time"],
  ] as const) {
    const [a, b] = [row.ours, row.theirs].map((costs) => {
      const sorted = costs.map((cost) => (1000 * row.texts) / cost[by]).sort((x, y) => y - x);
      return { best: sorted[0]!, median: sorted[sorted.length >> 1]! };
    }) as [{ best: number; median: number }, { best: number; median: number }];
    const show = ({ best, median }: typeof a) =>
      `${median.toPrecision(3)} (${best.toPrecision(3)})`;
    console.log(
      `| ${row.tokens} tokens, ${row.texts} at once | ${label} | ${show(a)} | ${show(b)} | ${(a.median / b.median).toFixed(2)} |`,
    );
  }
}
