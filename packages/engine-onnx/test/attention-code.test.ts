// Oracle: the same attention in float64, position by position, over what the pages hold.
import fc from "fast-check";
import koffi from "koffi";
import { expect, test } from "vitest";
import { type KvElementType, kvArrays } from "../src/executor/kv-element-type.ts";
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
import {
  missingFeatures,
  whyNoHalfFloats,
  whyNoMachineCode,
} from "../src/kernel/processor-features.ts";
import { halfToNumber, roundToHalf, someHalf } from "./drive/half-floats.ts";

const prototype = koffi.proto("void dyn_TestKernel(void *job, size_t worker)");

const noCode = whyNoMachineCode() !== null || whyNoHalfFloats() !== null;

test.skipIf(noCode)(
  "machine code attends like float64 arithmetic, over any runs of tokens, heads, sizes and types",
  () => {
    fc.assert(
      fc.property(
        fc.record({
          kvType: fc.constantFrom<KvElementType>("float32", "float16"),
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

test.skipIf(noCode)(
  "float16 is rounded to the nearest even, and what is too large to the largest",
  () => {
    const values = [
      0,
      -0,
      1,
      1 + 2 ** -11,
      1 + 3 * 2 ** -11,
      1 + 2 ** -11 + 2 ** -20,
      -(1 + 3 * 2 ** -11),
      1 / 3,
      2 ** -14,
      2 ** -15,
      3 * 2 ** -25,
      2 ** -25,
      2 ** -26,
      -(2 ** -24),
      1e-30,
      2047.5,
      2048.5,
      2049,
      65_504,
      65_519,
      65_520,
      1e9,
      -1e30,
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
    ];
    const stored = storeOne(Float32Array.from(values));
    expect(Array.from(stored, halfToNumber)).toEqual(
      values.map((value) =>
        Number.isFinite(value) ? roundToHalf(value) : 65_504 * Math.sign(value),
      ),
    );
    expect(halfToNumber(storeOne(Float32Array.of(Number.NaN))[0]!)).toBeNaN();
  },
);

test("a processor without AVX2 or FMA is told apart", () => {
  expect(missingFeatures("model name : x\nflags\t\t: fpu sse2 avx avx2 fma\n")).toEqual([]);
  expect(missingFeatures("flags\t\t: fpu sse2 avx fma\n")).toEqual(["avx2"]);
  expect(missingFeatures("flags : avx2 fma\n", ["f16c"])).toEqual(["f16c"]);
  expect(missingFeatures("Features : fp asimd\n")).toEqual(["avx2", "fma"]);
});

/** What the store makes of these values, as the key of one token. */
function storeOne(values: Float32Array): Uint16Array {
  const headDim = 8 * Math.ceil(values.length / 8);
  const source = new Float32Array(headDim);
  source.set(values);
  const stored = new Uint16Array(2 * headDim);
  const tokens = new BigInt64Array(tokenBytes / 8);
  const job = new BigInt64Array(jobBytes / 8);
  const fields = {
    newKeys: addressOf(source),
    newValues: addressOf(source),
    keys: addressOf(stored),
    values: addressOf(stored) + BigInt(2 * headDim),
    tokens: addressOf(tokens),
    unitCount: 1,
    workerCount: 1,
    kvHeadCount: 1,
  };
  for (const [name, value] of Object.entries(fields)) {
    job[jobFields[name as keyof typeof jobFields] / 8] = BigInt(value);
  }
  koffi.call(placeCode(writeStore({ headDim, kvType: "float16" })), prototype, job, 0);
  expect(stored.subarray(headDim)).toEqual(stored.subarray(0, headDim));
  expect([source, tokens].every(({ length }) => length > 0)).toBe(true);
  return stored.subarray(0, values.length);
}

interface Shape {
  readonly kvType: KvElementType;
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
  const { kvType, headDim, headsPerKvHead, kvHeadCount, workerCount, spread, rows } = shape;
  const placeCount = 128;
  const scale = 1 / Math.sqrt(headDim);
  const next = randomValues(seed);
  const values = (count: number, size = 1) =>
    Float32Array.from({ length: count }, () => size * next());
  const rowBytes = kvArrays[kvType].BYTES_PER_ELEMENT * headDim;
  const pageValues = (kvHeadCount * placeCount + 3) * headDim;
  const pages = () =>
    kvType === "float32"
      ? values(pageValues)
      : Uint16Array.from({ length: pageValues }, () => someHalf(next()));
  const memory = {
    queries: values(rows.length * kvHeadCount * headsPerKvHead * headDim, spread),
    newKeys: values(rows.length * kvHeadCount * headDim),
    newValues: values(rows.length * kvHeadCount * headDim),
    keys: pages(),
    values: pages(),
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
  const code = { headDim, headsPerKvHead, scale, kvType };
  for (const address of [placeCode(writeStore(code)), placeCode(writeAttention(code))]) {
    for (let worker = 0; worker < workerCount; worker++)
      koffi.call(address, prototype, job, worker);
  }

  // Only their addresses were known to the code: they must live until it has run.
  expect([runs, tokens, scratch].every(({ length }) => length > 0)).toBe(true);

  // What the pages hold, and what a new key or value becomes in them.
  const isHalf = kvType === "float16";
  const held = (bits: Float32Array | Uint16Array): ArrayLike<number> =>
    isHalf ? Float64Array.from(bits, halfToNumber) : bits;
  const keys = held(memory.keys);
  const heldValues = held(memory.values);
  const rounded = (value: number) => (isHalf ? roundToHalf(value) : value);

  let worst = 0;
  for (let t = 0; t < rows.length; t++) {
    for (let h = 0; h < kvHeadCount; h++) {
      const at = (place: number) => (h * placeCount + place) * headDim;
      const own = (t * kvHeadCount + h) * headDim;
      for (let i = 0; i < headDim; i++) {
        if (keys[at(120 + t) + i] === rounded(memory.newKeys[own + i]!)) continue;
        expect(keys[at(120 + t) + i]).toBe(rounded(memory.newKeys[own + i]!));
      }
      const last = headDim - 1;
      expect(heldValues[at(120 + t) + last]).toBe(rounded(memory.newValues[own + last]!));
      for (let g = 0; g < headsPerKvHead; g++) {
        const query = ((t * kvHeadCount + h) * headsPerKvHead + g) * headDim;
        const scores = seen[t]!.map((place) => {
          let sum = 0;
          for (let i = 0; i < headDim; i++)
            sum += memory.queries[query + i]! * keys[at(place) + i]!;
          return scale * sum;
        });
        const largest = Math.max(...scores);
        const weights = scores.map((score) => Math.exp(score - largest));
        const total = weights.reduce((a, b) => a + b);
        for (let i = 0; i < headDim; i++) {
          let sum = 0;
          for (const [j, place] of seen[t]!.entries())
            sum += weights[j]! * heldValues[at(place) + i]!;
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
