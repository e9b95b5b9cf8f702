// Time per row of the sampler and of a sorting reference, in one run.
//   node --conditions=@dyn/source --import tsx packages/engine/bench/sampler.ts
import os from "node:os";
import {
  createSampler,
  createSamplerSequence,
  defaultSamplingParams,
  type SamplingParams,
} from "../src/index.ts";
import { sampleBySorting } from "./sorting-sampler.ts";

interface Case {
  readonly name: string;
  readonly params: Partial<SamplingParams>;
  readonly top?: number;
  /** Tokens that the answer already has. */
  readonly history?: number;
}

const cases: readonly Case[] = [
  { name: "greedy", params: { temperature: 0 } },
  { name: "temperature 1", params: {} },
  { name: "top-k 40", params: { topK: 40 } },
  { name: "top-p 0.9", params: { topP: 0.9 } },
  {
    name: "top-k 40, top-p 0.9, temperature 0.7",
    params: { topK: 40, topP: 0.9, temperature: 0.7 },
  },
  { name: "min-p 0.05", params: { minP: 0.05 } },
  {
    name: "penalties, 1000 tokens out",
    params: { frequencyPenalty: 0.5, presencePenalty: 0.2, repetitionPenalty: 1.1 },
    history: 1000,
  },
  { name: "greedy, logprobs top 5", params: { temperature: 0 }, top: 5 },
  { name: "temperature 1, logprobs top 20", params: {}, top: 20 },
];

const ROWS = 8;
const TRIALS = 7;

function createRows(vocabSize: number, deviation: number): Float32Array[] {
  let state = 12345;
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state + 1) / (2 ** 32 + 1);
  };
  const gaussian = () => Math.sqrt(-2 * Math.log(random())) * Math.cos(2 * Math.PI * random());
  return Array.from({ length: ROWS }, () => {
    const row = Float32Array.from({ length: vocabSize }, () => deviation * gaussian() - 4);
    // A language model's row: a few tokens stand far above the rest.
    for (let i = 0; i < 30; i++) row[Math.floor(random() * vocabSize)] = 18 - i * 0.4 + gaussian();
    return row;
  });
}

/** Median over the trials of microseconds per row, the copy of the row taken off. */
function measure(
  rows: readonly Float32Array[],
  rounds: number,
  sample: (row: Float32Array) => void,
) {
  const scratch = new Float32Array(rows[0]!.length);
  const time = (work: (row: Float32Array) => void) => {
    const start = process.hrtime.bigint();
    for (let round = 0; round < rounds; round++) {
      for (const row of rows) {
        scratch.set(row);
        work(scratch);
      }
    }
    return Number(process.hrtime.bigint() - start) / 1000 / (rounds * rows.length);
  };
  time(sample);
  const trials = Array.from({ length: TRIALS }, () => time(sample) - time(() => {}));
  return trials.sort((a, b) => a - b)[TRIALS >> 1]!;
}

console.log(`${new Date().toISOString()}, ${os.cpus()[0]?.model.trim()}, Node ${process.version}`);
for (const vocabSize of [4096, 32_000, 151_936]) {
  console.log(`\nVocabulary ${vocabSize}: microseconds per row\n`);
  console.log("| case | sampler | sorting reference | ratio |\n| --- | ---: | ---: | ---: |");
  const rows = createRows(vocabSize, 2.5);
  const sampler = createSampler(vocabSize);
  for (const { name, params: changes, top, history = 0 } of cases) {
    const params = { ...defaultSamplingParams, ...changes };
    const outputTokenIds = Array.from({ length: history }, (_, i) => (i * 37) % vocabSize);
    const sequence = createSamplerSequence({
      params,
      seed: 7,
      eosTokenIds: [0],
      logprobs: top === undefined ? null : { top },
      outputTokenIds,
    });
    const rounds = Math.ceil(2e7 / vocabSize / ROWS / 4);
    const ours = measure(rows, rounds, (row) => sampler.sample(row, sequence));
    const slow = Math.ceil(4e5 / vocabSize / ROWS);
    const theirs = measure(rows, slow, (logits) =>
      sampleBySorting({ logits, params, outputTokenIds, top: top ?? null }),
    );
    const figures = [ours, theirs].map((x) => x.toFixed(x < 10 ? 1 : 0)).join(" | ");
    console.log(`| ${name} | ${figures} | ${(theirs / ours).toFixed(1)} |`);
  }
}
