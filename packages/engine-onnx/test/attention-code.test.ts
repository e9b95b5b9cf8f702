// Oracle: the same attention in float64, position by position.
import fc from "fast-check";
import koffi from "koffi";
import { expect, test } from "vitest";
import { addressOf } from "../src/kernel/address-of.ts";
import {
  jobBytes,
  jobFields,
  scratchSize,
  tokenBytes,
  tokenFields,
  writeAttention,
  writeStore,
} from "../src/kernel/attention-code.ts";
import { placeCode } from "../src/kernel/executable-memory.ts";
import { missingFeatures, whyNoMachineCode } from "../src/kernel/processor-features.ts";

const prototype = koffi.proto("void dyn_TestKernel(void *job, size_t worker)");

test.skipIf(whyNoMachineCode() !== null)(
  "machine code attends like float64 arithmetic, over any runs of tokens, heads and sizes",
  () => {
    fc.assert(
      fc.property(
        fc.record({
          headDim: fc.constantFrom(8, 24, 64, 80, 128),
          headsPerKvHead: fc.integer({ min: 1, max: 5 }),
          kvHeadCount: fc.integer({ min: 1, max: 3 }),
          workerCount: fc.integer({ min: 1, max: 3 }),
          spread: fc.constantFrom(0.1, 1, 30),
          rows: fc.array(
            fc.record({
              // Places may overlap: sequences share prefixes.
              runs: fc.array(
                fc.record({
                  at: fc.integer({ min: 0, max: 90 }),
                  length: fc.integer({ min: 1, max: 20 }),
                }),
                { minLength: 1, maxLength: 5 },
              ),
              skip: fc.nat(19),
              hidden: fc.nat(30),
            }),
            { minLength: 1, maxLength: 4 },
          ),
          seed: fc.nat(),
        }),
        ({ seed, ...shape }) => {
          expect(worstError(shape, seed)).toBeLessThan(2e-6 * Math.max(shape.spread, 1));
        },
      ),
      { numRuns: 60 },
    );
  },
);

test("a processor without AVX2 or FMA is told apart", () => {
  expect(missingFeatures("model name : x\nflags\t\t: fpu sse2 avx avx2 fma\n")).toEqual([]);
  expect(missingFeatures("flags\t\t: fpu sse2 avx fma\n")).toEqual(["avx2"]);
  expect(missingFeatures("Features : fp asimd\n")).toEqual(["avx2", "fma"]);
});

interface Shape {
  readonly headDim: number;
  readonly headsPerKvHead: number;
  readonly kvHeadCount: number;
  readonly workerCount: number;
  readonly spread: number;
  readonly rows: readonly {
    readonly runs: readonly { readonly at: number; readonly length: number }[];
    readonly skip: number;
    readonly hidden: number;
  }[];
}

/** Stores new keys and values, attends, and compares with the oracle. */
function worstError(shape: Shape, seed: number): number {
  const { headDim, headsPerKvHead, kvHeadCount, workerCount, spread, rows } = shape;
  const placeCount = 128;
  const scale = 1 / Math.sqrt(headDim);
  const next = randomValues(seed);
  const values = (count: number, size = 1) =>
    Float32Array.from({ length: count }, () => size * next());
  const rowBytes = 4 * headDim;
  const pageValues = (kvHeadCount * placeCount + 3) * headDim;
  const memory = {
    queries: values(rows.length * kvHeadCount * headsPerKvHead * headDim, spread),
    newKeys: values(rows.length * kvHeadCount * headDim),
    newValues: values(rows.length * kvHeadCount * headDim),
    keys: values(pageValues),
    values: values(pageValues),
    answers: new Float32Array(rows.length * kvHeadCount * headsPerKvHead * headDim),
  };

  const runs = BigInt64Array.from(
    rows.flatMap((row) =>
      row.runs.flatMap(({ at, length }) => [BigInt(at * rowBytes), BigInt(length)]),
    ),
  );
  const tokens = new BigInt64Array((rows.length * tokenBytes) / 8);
  const seen: number[][] = [];
  let firstRun = 0;
  let longest = 0;
  for (const [i, row] of rows.entries()) {
    const skip = Math.min(row.skip, row.runs[0]!.length - 1);
    const places = row.runs.flatMap(({ at, length }) => Array.from({ length }, (_, j) => at + j));
    const length = Math.max(places.length - skip - row.hidden, 1);
    seen.push(places.slice(skip, skip + length));
    longest = Math.max(longest, length);
    const entry = {
      runs: addressOf(runs) + BigInt(firstRun * 16),
      skip,
      length,
      own: (120 + i) * rowBytes,
    };
    for (const [name, value] of Object.entries(entry)) {
      tokens[(i * tokenBytes + tokenFields[name as keyof typeof tokenFields]) / 8] = BigInt(value);
    }
    firstRun += row.runs.length;
  }
  const { scratchStride, scoreStride } = scratchSize(longest);
  const scratch = new Uint8Array(workerCount * scratchStride);
  const job = new BigInt64Array(jobBytes / 8);
  const fields = {
    ...Object.fromEntries(Object.entries(memory).map(([name, data]) => [name, addressOf(data)])),
    tokens: addressOf(tokens),
    unitCount: rows.length * kvHeadCount,
    workerCount,
    kvHeadCount,
    headStride: placeCount * rowBytes,
    scratch: addressOf(scratch),
    scratchStride,
    scoreStride,
  };
  for (const [name, value] of Object.entries(fields)) {
    job[jobFields[name as keyof typeof jobFields] / 8] = BigInt(value);
  }
  const code = { headDim, headsPerKvHead, scale };
  for (const address of [placeCode(writeStore(code)), placeCode(writeAttention(code))]) {
    for (let worker = 0; worker < workerCount; worker++)
      koffi.call(address, prototype, job, worker);
  }

  // Only their addresses were known to the code: they must live until it has run.
  expect([runs, tokens, scratch].every(({ length }) => length > 0)).toBe(true);

  let worst = 0;
  for (let t = 0; t < rows.length; t++) {
    for (let h = 0; h < kvHeadCount; h++) {
      const at = (place: number) => (h * placeCount + place) * headDim;
      const own = (t * kvHeadCount + h) * headDim;
      const stored = memory.keys.subarray(at(120 + t), at(121 + t));
      expect(stored).toEqual(memory.newKeys.subarray(own, own + headDim));
      expect(memory.values[at(121 + t) - 1]).toBe(memory.newValues[own + headDim - 1]);
      for (let g = 0; g < headsPerKvHead; g++) {
        const query = ((t * kvHeadCount + h) * headsPerKvHead + g) * headDim;
        const scores = seen[t]!.map((place) => {
          let sum = 0;
          for (let i = 0; i < headDim; i++)
            sum += memory.queries[query + i]! * memory.keys[at(place) + i]!;
          return scale * sum;
        });
        const largest = Math.max(...scores);
        const weights = scores.map((score) => Math.exp(score - largest));
        const total = weights.reduce((a, b) => a + b);
        for (let i = 0; i < headDim; i++) {
          let sum = 0;
          for (const [j, place] of seen[t]!.entries())
            sum += weights[j]! * memory.values[at(place) + i]!;
          worst = Math.max(worst, Math.abs(sum / total - memory.answers[query + i]!));
        }
      }
    }
  }
  return worst;
}

/** Between -1 and 1. */
function randomValues(seed: number): () => number {
  let state = seed | 1;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    return state / 2 ** 31;
  };
}
