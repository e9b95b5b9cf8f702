import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { defaultSamplingParams, type SamplingParams } from "../src/index.ts";
import { createSampler } from "../src/sampler/sampler.ts";
import { createSamplerSequence, type SequenceGrammar } from "../src/sampler/sampler-sequence.ts";
import { type NaiveInput, sampleNaively } from "./sampler/naive-sampler.ts";

const logit = fc.oneof(
  { weight: 6, arbitrary: fc.double({ min: -20, max: 20, noNaN: true }).map(Math.fround) },
  { weight: 2, arbitrary: fc.integer({ min: -3, max: 3 }) },
  { weight: 1, arbitrary: fc.constantFrom(-0, 0, -Infinity, Number.NaN, 1e30, -1e30) },
);

const params: fc.Arbitrary<SamplingParams> = fc.record({
  maxNewTokens: fc.constant(null),
  minNewTokens: fc.constantFrom(0, 0, 3),
  temperature: fc.constantFrom(0, 1e-7, 0.01, 0.3, 0.7, 1, 1.3, 5),
  topP: fc.oneof(fc.constantFrom(1, 0.9, 0.5), fc.double({ min: 0.01, max: 1, noNaN: true })),
  topK: fc.constantFrom(-1, -1, 1, 2, 5, 40, 100_000),
  minP: fc.oneof(fc.constant(0), fc.double({ min: 0, max: 1, noNaN: true })),
  frequencyPenalty: fc.constantFrom(0, 0, 0.4, -1.5),
  presencePenalty: fc.constantFrom(0, 0, 1.1, -0.3),
  repetitionPenalty: fc.constantFrom(1, 1, 1.3, 0.7),
  logitBias: fc.dictionary(fc.nat(30).map(String), fc.double({ min: -100, max: 100, noNaN: true })),
  allowedTokenIds: fc.oneof(
    { weight: 4, arbitrary: fc.constant(null) },
    { weight: 1, arbitrary: fc.array(fc.nat(32), { minLength: 4 }) },
  ),
  bannedTokenRows: fc.array(fc.array(fc.nat(5), { minLength: 1, maxLength: 3 }), { maxLength: 6 }),
  stopTokenIds: fc.constant([2]),
  stop: fc.constant([]),
  stopRegex: fc.constant([]),
  ignoreEos: fc.boolean(),
  seed: fc.constant(null),
});

const rowLength = fc.oneof(fc.integer({ min: 33, max: 70 }), fc.integer({ min: 600, max: 1200 }));

function sampleQuickly(input: NaiveInput, top: number) {
  const grammar: SequenceGrammar | null = input.allowed && {
    fillMask: (mask) => {
      mask.fill(0);
      for (const id of input.allowed!) mask[id >>> 5]! |= 1 << (id & 31);
      return true;
    },
    accept: (id) => input.allowed!.has(id),
    isTerminated: () => false,
  };
  const sequence = createSamplerSequence({ ...input, logprobs: { top }, grammar });
  // The history came before the grammar's present state.
  return createSampler(input.logits.length).sample(Float32Array.from(input.logits), sequence);
}

describe("sampler against the sorting oracle", () => {
  it("chooses the same token with the same log-probabilities", () => {
    const cases = rowLength.chain((length) =>
      fc.record({
        logits: fc
          .array(logit, { minLength: length, maxLength: length })
          .map((row) => Float32Array.from(row)),
        params,
        seed: fc.maxSafeInteger(),
        outputTokenIds: fc.array(fc.oneof(fc.nat(5), fc.nat(32)), { maxLength: 6 }),
        eosTokenIds: fc.constant([0]),
        allowed: fc.oneof(
          { weight: 3, arbitrary: fc.constant(null) },
          {
            weight: 1,
            arbitrary: fc.array(fc.nat(32), { minLength: 4 }).map((ids) => new Set(ids)),
          },
        ),
      }),
    );
    fc.assert(
      fc.property(cases, (input) => {
        const expected = sampleNaively(input);
        const possible = expected.logprobs.filter(Number.isFinite);
        fc.pre(possible.length > 0);
        const actual = sampleQuickly(input, 5);
        expect(actual.tokenId).toBe(expected.tokenId);
        expectClose(actual.logprobs!.logprob, expected.logprobs[expected.tokenId]!);
        const top = [...possible].sort((a, b) => b - a).slice(0, 5);
        expect(actual.logprobs?.top.length).toBe(top.length);
        for (const [i, entry] of actual.logprobs!.top.entries()) {
          expectClose(entry.logprob, top[i]!);
          expectClose(entry.logprob, expected.logprobs[entry.tokenId]!);
        }
      }),
      { numRuns: 4000, seed: 20261 },
    );
  });

  it("cuts large rows of many shapes at the same place", () => {
    const random = createRandom(7);
    const shapes: ((i: number) => number)[] = [
      () => 3 * gaussian(random),
      () => 0.2 * gaussian(random),
      () => Math.round(2 * gaussian(random)),
      () => 0,
      (i) => -i / 1000,
      (i) => (i % 997 === 0 ? 12 + random() : -15 + gaussian(random)),
      () => (random() < 0.5 ? Number.NEGATIVE_INFINITY : gaussian(random)),
    ];
    for (const [shape, next] of shapes.entries()) {
      const logits = Float32Array.from({ length: 6_000 }, (_, i) => next(i));
      const sampler = createSampler(logits.length);
      for (const [topK, topP, minP] of [
        [-1, 0.9, 0],
        [40, 1, 0],
        [3000, 1, 0],
        [700, 0.3, 0],
        [-1, 0.999, 0.05],
        [-1, 1, 0.3],
        [-1, 1, 0],
      ] as const) {
        for (const temperature of [0.05, 1, 3]) {
          const changed = { ...defaultSamplingParams, topK, topP, minP, temperature };
          for (const seed of [-5, 2 ** 52 + 1]) {
            const input = {
              logits,
              params: changed,
              seed,
              outputTokenIds: [],
              eosTokenIds: [],
              allowed: null,
            };
            const sequence = createSamplerSequence({ ...input, logprobs: null });
            const label = `shape ${shape}, top-k ${topK}, top-p ${topP}, min-p ${minP}, t ${temperature}, seed ${seed}`;
            const actual = sampler.sample(Float32Array.from(logits), sequence).tokenId;
            expect(`${label}: ${actual}`).toBe(`${label}: ${sampleNaively(input).tokenId}`);
          }
        }
      }
    }
  });
});

function expectClose(actual: number, expected: number): void {
  expect(Math.abs(actual - expected)).toBeLessThan(
    1e-12 * Math.max(1, Math.abs(expected)) + 1e-300,
  );
}

function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

function gaussian(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
