// What moving KV out of pages and into them costs, by machine code with a checksum and by JavaScript without, beside memcpy.
// Runs go round a ring as hand-overs over shared memory do. Quantiles of single runs, so that a busy machine shows in the upper ones.
// `node --conditions=@dyn/source --import tsx packages/engine-onnx/bench/kv-moves.ts [MiB of a ring] [rounds]`
import { KvPages } from "../src/executor/kv-pages.ts";
import { OnnxKvStore } from "../src/executor/onnx-kv-store.ts";

const [ringMib = 16, rounds = 12] = process.argv.slice(2).map(Number);
/** A quarter of Qwen3-0.6B: 56 KiB of float32 KV a token. */
const shape = { layerCount: 7, kvHeadCount: 8, headDim: 128 };
const pageSize = 16;
const pageCount = 512;
const halfTokens = (pageSize * pageCount) / 2;
const mib = 2 ** 20;

const pages = new KvPages(shape, pageSize, pageCount, "float32");
for (const { data } of pages.pools) data.fill(1);
const fast = new OnnxKvStore(shape, pageSize, pages);
const plain = new OnnxKvStore(shape, pageSize, pages, false);
const { bytesPerToken } = fast.layout;
const table = Int32Array.from({ length: pageCount }, (_, i) => i);
const source = Buffer.alloc(halfTokens * bytesPerToken, 1);
const target = Buffer.alloc(source.length, 2);

console.log(
  `us per MiB, tenth / quarter / half of the runs take less; ring of ${ringMib} MiB; machine code: ${fast.computesCrc32c}`,
);
for (const runMib of [1, 2, 4]) {
  const count = Math.floor((runMib * mib) / bytesPerToken);
  const ring = Array.from({ length: Math.max(1, Math.floor(ringMib / runMib)) }, () =>
    new Uint8Array(runMib * mib).fill(3),
  );
  const moves: Readonly<Record<string, (start: number, run: Uint8Array) => void>> = {
    memcpy: (start) => {
      const at = (start % halfTokens) * bytesPerToken;
      source.copy(target, at, at, at + count * bytesPerToken);
    },
    "out of pages": (start, run) => fast.exportTokens(table, start, count, run),
    "by JavaScript": (start, run) => plain.exportTokens(table, start, count, run),
    "into pages": (start, run) => fast.importTokens(table, start, count, run),
    "into pages by JavaScript": (start, run) => plain.importTokens(table, start, count, run),
  };
  const times = Object.keys(moves).map(() => [] as number[]);
  for (let round = 0; round < rounds; round++) {
    // The other half of the pages each time, so that none is in a cache.
    const first = (round % 2) * halfTokens;
    for (const [i, move] of Object.values(moves).entries()) {
      for (let at = 0; at + count <= halfTokens; at += count) {
        const run = ring[(at / count) % ring.length]!;
        const startMs = performance.now();
        move(first + at, run);
        times[i]!.push(((performance.now() - startMs) * 1000 * mib) / (count * bytesPerToken));
      }
    }
  }
  const texts = Object.keys(moves).map((name, i) => `${name} ${quantiles(times[i]!)}`);
  console.log(`runs of ${runMib} MiB: ${texts.join("; ")}`);
}

function quantiles(values: number[]): string {
  const sorted = values.toSorted((a, b) => a - b);
  return [0.1, 0.25, 0.5]
    .map((share) => sorted[Math.floor(share * sorted.length)]!.toFixed(0))
    .join(" / ");
}
