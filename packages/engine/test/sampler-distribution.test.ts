import { describe, expect, it } from "vitest";
import {
  createSampler,
  createSamplerSequence,
  defaultSamplingParams,
  type SamplingParams,
} from "../src/index.ts";
import { noiseBits, noiseState } from "../src/sampler/gumbel-noise.ts";
import { expNonPositive, ln } from "../src/sampler/portable-math.ts";
import { murmur, sampleNaively } from "./sampler/naive-sampler.ts";

/** Over cells that are expected at least 5 times; about (cells - 1) for a true sampler. */
function chiSquare(counts: ArrayLike<number>, expected: readonly number[]) {
  let sum = 0;
  let cells = 0;
  for (const [i, mean] of expected.entries()) {
    if (mean < 5) continue;
    sum += (counts[i]! - mean) ** 2 / mean;
    cells++;
  }
  // The limit that a true sampler passes in one of 30,000 (normal approximation, 4 sigma).
  return { sum, limit: cells - 1 + 4 * Math.sqrt(2 * (cells - 1)) };
}

const logits = Float32Array.from({ length: 60 }, (_, id) => 3 * Math.sin(id * 12.9898) + id / 40);
const DRAWS = 40_000;

describe("frequencies", () => {
  it.each<[string, Partial<SamplingParams>]>([
    ["temperature 1", {}],
    ["temperature 0.5", { temperature: 0.5 }],
    ["temperature 3", { temperature: 3 }],
    ["top-k 7", { topK: 7 }],
    ["top-p 0.8", { topP: 0.8 }],
    ["min-p 0.1", { minP: 0.1 }],
    ["all of them", { temperature: 1.5, topK: 20, topP: 0.9, minP: 0.05 }],
  ])("match the probabilities over seeds: %s", (_, changes) => {
    const params = { ...defaultSamplingParams, ...changes };
    const sampler = createSampler(logits.length);
    const counts = new Uint32Array(logits.length);
    for (let seed = 0; seed < DRAWS; seed++) {
      const sequence = createSamplerSequence({ params, seed, eosTokenIds: [], logprobs: null });
      counts[sampler.sample(Float32Array.from(logits), sequence).tokenId]!++;
    }
    const { probabilities } = sampleNaively({
      logits,
      params,
      seed: 0,
      outputTokenIds: [],
      eosTokenIds: [],
      allowed: null,
    });
    for (const [id, probability] of probabilities.entries()) {
      if (probability === 0) expect(counts[id]).toBe(0);
    }
    const { sum, limit } = chiSquare(
      counts,
      probabilities.map((p) => p * DRAWS),
    );
    expect(sum).toBeLessThan(limit);
  });

  it("match the probabilities over the steps of one seed, and steps do not go together", () => {
    const params = defaultSamplingParams;
    const sampler = createSampler(4);
    const sequence = createSamplerSequence({ params, seed: 3, eosTokenIds: [], logprobs: null });
    const pairs = new Uint32Array(16);
    let last = 0;
    for (let step = 0; step <= DRAWS; step++) {
      const { tokenId } = sampler.sample(Float32Array.of(0, 1, 0.5, -1), sequence);
      if (step > 0) pairs[last * 4 + tokenId]!++;
      last = tokenId;
    }
    const weights = [1, Math.E, Math.exp(0.5), Math.exp(-1)];
    const total = weights.reduce((a, b) => a + b);
    const expected = Array.from(pairs, (_, i) => {
      return (DRAWS * weights[i >> 2]! * weights[i & 3]!) / total ** 2;
    });
    const { sum, limit } = chiSquare(pairs, expected);
    expect(sum).toBeLessThan(limit);
  });

  it("are even over a flat vocabulary of realistic size", () => {
    const size = 20_000;
    const sampler = createSampler(size);
    const counts = new Uint32Array(20);
    for (let seed = 0; seed < 1200; seed++) {
      const sequence = createSamplerSequence({
        params: defaultSamplingParams,
        seed,
        eosTokenIds: [],
        logprobs: null,
      });
      const { tokenId } = sampler.sample(new Float32Array(size), sequence);
      counts[Math.floor((tokenId * 20) / size)]!++;
    }
    const { sum, limit } = chiSquare(counts, new Array<number>(20).fill(60));
    expect(sum).toBeLessThan(limit);
  });
});

describe("noise", () => {
  it("is MurmurHash3 of seed, step and token", () => {
    for (const [seed, step, token] of [
      [0, 0, 0],
      [-1, 1, 151_935],
      [2 ** 53 - 1, 4095, 7],
      [-(2 ** 53 - 1), 131_071, 128_000],
    ] as const) {
      const unsigned = BigInt.asUintN(64, BigInt(seed));
      const words = [unsigned & 0xffffffffn, unsigned >> 32n, BigInt(step), BigInt(token)];
      const expected = Number(murmur(0x9747b28cn, words));
      expect(noiseBits(noiseState(seed, step), token) >>> 0).toBe(expected);
    }
  });

  it("knows the published vectors of MurmurHash3 through its oracle", () => {
    // x86, 32 bit: no input with seeds 0, 1, 2^32 - 1; and the bytes 21 43 65 87.
    expect(murmur(0n, [])).toBe(0n);
    expect(murmur(1n, [])).toBe(0x514e28b7n);
    expect(murmur(0xffffffffn, [])).toBe(0x81f16f39n);
    expect(murmur(0n, [0x87654321n])).toBe(0xf55b516bn);
    expect(murmur(0x5082edeen, [0x87654321n])).toBe(0x2362f9den);
  });
});

describe("portable mathematics", () => {
  it("agrees with the platform's exp to 5e-16 + 3e-16 |z|", () => {
    let worst = 0;
    for (let i = 0; i <= 200_000; i++) {
      const z = -(i / 200_000) * 700 * (i % 7 === 0 ? 1 : 0.05);
      const error = Math.abs(expNonPositive(z) / Math.exp(z) - 1);
      worst = Math.max(worst, error / (5e-16 + 3e-16 * Math.abs(z)));
    }
    expect(worst).toBeLessThanOrEqual(1);
    expect([0, -0].map(expNonPositive)).toEqual([1, 1]);
    expect([-709, -1e30, Number.NEGATIVE_INFINITY].map(expNonPositive)).toEqual([0, 0, 0]);
    expect(expNonPositive(Number.NaN)).toBeNaN();
  });

  it("agrees with the platform's ln to 5e-16", () => {
    for (let exponent = -300; exponent <= 300; exponent++) {
      for (const mantissa of [1, 1.0000000000000002, 1.2, Math.SQRT2, 1.5, 1.9999999999999998]) {
        const x = mantissa * 2 ** exponent;
        expect(Math.abs(ln(x) - Math.log(x))).toBeLessThanOrEqual(5e-16 * Math.abs(Math.log(x)));
      }
    }
  });
});
