import { describe, expect, it } from "vitest";
import {
  createSampler,
  createSamplerSequence,
  defaultSamplingParams,
  deriveSeed,
  drawSeed,
  type SamplingParams,
  type SequenceGrammar,
} from "../src/index.ts";

/** What seed 42 gave when it was first promised. */
const RECORDED = [18, 24, 8, 30, 8, 9, 35, 18, 9, 22, 13, 9];
const RECORDED_SEED = 1264382255660551;

const NONE = Number.NEGATIVE_INFINITY;

interface Options extends Partial<SamplingParams> {
  readonly outputTokenIds?: readonly number[];
  readonly eosTokenIds?: readonly number[];
  readonly top?: number;
  readonly grammar?: SequenceGrammar;
}

function createSequence(options: Options = {}) {
  const { outputTokenIds, eosTokenIds = [], top, grammar = null, ...params } = options;
  return createSamplerSequence({
    params: { ...defaultSamplingParams, ...params },
    seed: params.seed ?? 1,
    eosTokenIds,
    logprobs: top === undefined ? null : { top },
    grammar,
    ...(outputTokenIds === undefined ? {} : { outputTokenIds }),
  });
}

function sample(logits: readonly number[], options: Options = {}) {
  const sequence = createSequence(options);
  return { sequence, ...createSampler(logits.length).sample(Float32Array.from(logits), sequence) };
}

/** All log-probabilities of a row, by token id. */
function logprobsOf(logits: readonly number[], options: Options): Map<number, number> {
  const { logprobs } = sample(logits, { ...options, top: logits.length });
  return new Map(logprobs?.top.map(({ tokenId, logprob }) => [tokenId, logprob]));
}

describe("penalties", () => {
  // Logit 2 of token 0 against logit 0 of token 1, never produced: the difference is what the penalties leave.
  it.each<[string, Options, number]>([
    ["none", { outputTokenIds: [0, 0, 0] }, 2],
    ["frequency counts every time", { outputTokenIds: [0, 0, 0], frequencyPenalty: 0.5 }, 0.5],
    ["frequency can favour", { outputTokenIds: [0, 0], frequencyPenalty: -1 }, 4],
    ["presence counts once", { outputTokenIds: [0, 0, 0], presencePenalty: 0.5 }, 1.5],
    [
      "repetition divides a positive logit",
      { outputTokenIds: [0, 0], repetitionPenalty: 1.6 },
      1.25,
    ],
    [
      "repetition multiplies what the others made negative",
      { outputTokenIds: [0, 0], frequencyPenalty: 1, presencePenalty: 1, repetitionPenalty: 1.5 },
      -1.5,
    ],
    ["temperature comes after", { outputTokenIds: [0], presencePenalty: 1, temperature: 0.5 }, 2],
    [
      "bias comes after repetition",
      { outputTokenIds: [0], repetitionPenalty: 2, logitBias: { 0: 1 } },
      2,
    ],
    ["other tokens do not count", { outputTokenIds: [2, 2], frequencyPenalty: 2 }, 2],
  ])("%s", (_, options, difference) => {
    const logprobs = logprobsOf([2, 0, NONE], options);
    expect(logprobs.get(0)! - logprobs.get(1)!).toBeCloseTo(difference, 6);
  });

  it("grow with the tokens that are sampled", () => {
    const sampler = createSampler(2);
    const sequence = createSequence({ temperature: 0, frequencyPenalty: 0.4 });
    const tokens = Array.from(
      { length: 8 },
      () => sampler.sample(Float32Array.of(1, 0), sequence).tokenId,
    );
    // 1 0.6 0.2 -0.2 against 0; then -0.2 against -0.4, -0.6 against -0.4, ...
    expect(tokens).toEqual([0, 0, 0, 1, 0, 1, 0, 1]);
  });

  it("count many distinct tokens", () => {
    const outputTokenIds = Array.from({ length: 500 }, (_, i) => i);
    const row = Array.from({ length: 501 }, (_, i) => (i === 500 ? 0 : 1));
    expect(sample(row, { temperature: 0, presencePenalty: 2, outputTokenIds }).tokenId).toBe(500);
  });
});

describe("what cannot be sampled", () => {
  it("masks end-of-sequence and stop ids until the minimum length", () => {
    const sampler = createSampler(4);
    const sequence = createSequence({
      temperature: 0,
      minNewTokens: 2,
      eosTokenIds: [0, 4000],
      stopTokenIds: [1],
    });
    const next = () => sampler.sample(Float32Array.of(9, 8, 1, 0), sequence).tokenId;
    expect([next(), next(), next()]).toEqual([2, 2, 0]);
  });

  it("treats NaN as impossible, wherever it stands", () => {
    for (let at = 0; at < 20; at++) {
      const row = Array.from({ length: 20 }, (_, i) => (i === at ? Number.NaN : i % 7));
      for (const options of [
        { temperature: 0 },
        {},
        { topK: 15 },
        { topP: 0.99 },
        { minP: 0.001 },
      ]) {
        for (let seed = 0; seed < 30; seed++) {
          const { tokenId, logprobs } = sample(row, { ...options, seed, top: 20 });
          expect(tokenId).not.toBe(at);
          expect(logprobs?.top).toHaveLength(19);
          expect(Number.isFinite(logprobs?.logprob)).toBe(true);
        }
      }
    }
  });

  it("takes +Infinity as the largest number", () => {
    const { tokenId, logprobs } = sample([1, Number.POSITIVE_INFINITY, 3], { top: 1, topP: 0.9 });
    expect(tokenId).toBe(1);
    expect(logprobs?.logprob).toBe(0);
  });

  it.each([
    [[NONE, NONE, NONE]],
    [[Number.NaN, Number.NaN, Number.NaN]],
    [[NONE, Number.NaN, NONE]],
  ])("says so when no token is possible: %s", (row) => {
    const sequence = createSequence({ minNewTokens: 5 });
    const attempt = () => createSampler(3).sample(Float32Array.from(row), sequence);
    expect(attempt).toThrow("No token is possible at step 0");
    expect(attempt).toThrow("after minNewTokens");
    expect(sequence.step).toBe(0);
  });

  it("goes by the rest when a bias bans every token alike", () => {
    const logitBias = { 0: -100, 1: -100, 2: -100 };
    expect(sample([1, 3, 2], { temperature: 0, logitBias }).tokenId).toBe(1);
  });

  it("does not let a bias undo the grammar", () => {
    const grammar = only([2]);
    expect(sample([5, 4, 0], { grammar, logitBias: { 0: 100 } }).tokenId).toBe(2);
  });

  it("applies a mask over more words than one, and up to the last token", () => {
    for (const allowed of [0, 31, 32, 63, 64, 69]) {
      expect(sample(new Array<number>(70).fill(0), { grammar: only([allowed]) }).tokenId).toBe(
        allowed,
      );
    }
  });

  it("reports a grammar that refuses what it allowed", () => {
    const grammar: SequenceGrammar = { ...only([0]), accept: () => false };
    expect(() => sample([1, 1], { grammar })).toThrow("The grammar refused token 0 at step 0.");
  });

  it("refuses a row of another length", () => {
    const sequence = createSequence();
    expect(() => createSampler(5).sample(new Float32Array(4), sequence)).toThrow(
      "A row of 4 logits came to a sampler for 5.",
    );
  });
});

describe("the greedy choice", () => {
  it("takes the lowest id among equals, -0 and 0 included", () => {
    expect(sample([-0, 0, -0], { temperature: 0 }).tokenId).toBe(0);
    const row = new Array<number>(40).fill(-1);
    for (const id of [17, 30, 39]) row[id] = 2;
    expect(sample(row, { temperature: 1e-7 }).tokenId).toBe(17);
    expect(sample(row, { topK: 1, temperature: 2 }).tokenId).toBe(17);
  });

  it("does not depend on the seed, and reports a plain log-softmax", () => {
    for (const options of [{ temperature: 0 }, { topK: 1, temperature: 3 }]) {
      for (const seed of [0, 1, 2]) {
        const { tokenId, logprobs } = sample([0, Math.log(3)], { ...options, seed, top: 2 });
        expect(tokenId).toBe(1);
        expect(logprobs?.logprob).toBeCloseTo(Math.log(0.75), 7);
        expect(logprobs?.top[1]?.logprob).toBeCloseTo(Math.log(0.25), 7);
      }
    }
  });
});

describe("log-probabilities", () => {
  it("stand before top-k, top-p and min-p, at the temperature", () => {
    const filtered = logprobsOf([0, 1, 2], { topK: 2, topP: 0.5, minP: 0.9, temperature: 0.5 });
    const total = 1 + Math.exp(2) + Math.exp(4);
    expect(filtered.get(0)).toBeCloseTo(-Math.log(total), 9);
    expect(filtered.get(2)).toBeCloseTo(4 - Math.log(total), 9);
  });

  it("list the likeliest first, of equals the lowest id, and nothing that cannot be", () => {
    const { logprobs } = sample([1, 5, NONE, 5, 2], { top: 9 });
    expect(logprobs?.top.map(({ tokenId }) => tokenId)).toEqual([1, 3, 4, 0]);
    expect(sample([1, 2], { top: 0 }).logprobs?.top).toEqual([]);
    expect(sample([1, 2]).logprobs).toBeNull();
  });

  it("judge a prompt token plainly", () => {
    const sampler = createSampler(3);
    const { logprob, top } = sampler.promptLogprobs(
      Float32Array.of(0, Math.log(2), Number.NaN),
      0,
      5,
    );
    expect(logprob).toBeCloseTo(Math.log(1 / 3), 7);
    expect(top.map(({ tokenId }) => tokenId)).toEqual([1, 0]);
    expect(() => sampler.promptLogprobs(new Float32Array(2), 0, 0)).toThrow("2 logits");
    expect(() => sampler.promptLogprobs(new Float32Array(3).fill(NONE), 0, 0)).toThrow("-Infinity");
  });
});

describe("seeds and state", () => {
  const rows = Array.from({ length: 40 }, (_, step) =>
    Float32Array.from(
      { length: 50 },
      (_, id) => (Math.imul(step * 131 + id * 7 + 1, 0x9e3779b1) >> 8) / 2 ** 22,
    ),
  );
  const params = { temperature: 0.9, topP: 0.95, frequencyPenalty: 0.7, repetitionPenalty: 1.2 };

  function run(sequence: ReturnType<typeof createSequence>, from: number, to: number): number[] {
    const sampler = createSampler(50);
    return rows
      .slice(from, to)
      .map((row) => sampler.sample(Float32Array.from(row), sequence).tokenId);
  }

  it("go on elsewhere from a saved state as if nothing had happened", () => {
    const whole = run(createSequence({ ...params, seed: 99 }), 0, 40);
    for (const at of [0, 1, 17, 39]) {
      const first = createSequence({ ...params, seed: 99 });
      const before = run(first, 0, at);
      const { seed, step } = JSON.parse(JSON.stringify(first.state()));
      expect({ seed, step }).toEqual({ seed: 99, step: at });
      const second = createSamplerSequence({
        params: { ...defaultSamplingParams, ...params },
        seed,
        step,
        eosTokenIds: [],
        logprobs: null,
        outputTokenIds: Uint32Array.from(before),
      });
      expect([...before, ...run(second, at, 40)]).toEqual(whole);
    }
  });

  it("refuse a state that does not fit the tokens that came with it", () => {
    const base = { params: { ...defaultSamplingParams, ...params }, seed: 1, eosTokenIds: [] };
    for (const outputTokenIds of [undefined, [1, 2]]) {
      const resume = () =>
        createSamplerSequence({
          ...base,
          step: 3,
          logprobs: null,
          ...(outputTokenIds === undefined ? {} : { outputTokenIds }),
        });
      expect(resume).toThrow(/stands at step 3, but [02] produced tokens/);
    }
  });

  it("do not depend on what is sampled in between", () => {
    const sampler = createSampler(50);
    const alone = run(createSequence({ ...params, seed: 5 }), 0, 40);
    const mine = createSequence({ ...params, seed: 5 });
    const others = [
      createSequence({ topK: 3, seed: 8 }),
      createSequence({ temperature: 0, top: 5 }),
      createSequence({ minP: 0.2, grammar: only([3, 4]) }),
    ];
    const together = rows.map((row) => {
      for (const other of others) sampler.sample(Float32Array.from(row), other);
      return sampler.sample(Float32Array.from(row), mine).tokenId;
    });
    expect(together).toEqual(alone);
  });

  it("give every choice of a request its own tokens, the first those of n = 1", () => {
    const seeds = Array.from({ length: 16 }, (_, index) => deriveSeed(1234, index));
    expect(seeds[0]).toBe(1234);
    expect(new Set(seeds).size).toBe(16);
    expect(seeds.every((seed) => Number.isSafeInteger(seed) && seed >= 0)).toBe(true);
    const answers = seeds.map((seed) => run(createSequence({ seed }), 0, 10).join());
    expect(new Set(answers).size).toBe(16);
    expect(deriveSeed(1234, 3)).toBe(seeds[3]);
  });

  it("use all 53 bits of a seed and its sign", () => {
    const seeds = [0, 1, -1, 2 ** 32, 2 ** 32 + 1, -(2 ** 32), 2 ** 53 - 1, -(2 ** 53 - 1)];
    const answers = seeds.map((seed) => run(createSequence({ seed }), 0, 12).join());
    expect(new Set(answers).size).toBe(seeds.length);
    const derived = seeds.map((seed) => deriveSeed(seed, 1));
    expect(new Set(derived).size).toBe(seeds.length);
  });

  it("stay what they are: recorded tokens of one seed", () => {
    // A change here breaks every promise that was made with a seed.
    expect(run(createSequence({ seed: 42 }), 0, 12)).toEqual(RECORDED);
    expect(deriveSeed(42, 1)).toBe(RECORDED_SEED);
  });

  it("are drawn over 53 bits when the request brings none", () => {
    expect(drawSeed(() => 0)).toBe(0);
    expect(drawSeed(() => 1 - 2 ** -53)).toBe(2 ** 53 - 1);
    expect(drawSeed()).not.toBe(drawSeed());
  });

  it("count tokens that a device sampled", () => {
    const sequence = createSequence({ temperature: 0, presencePenalty: 2 });
    sequence.accept(0);
    expect(sequence.step).toBe(1);
    expect(createSampler(2).sample(Float32Array.of(1, 0), sequence).tokenId).toBe(1);
  });
});

function only(tokenIds: readonly number[]): SequenceGrammar {
  return {
    fillMask: (mask) => {
      mask.fill(0);
      for (const id of tokenIds) mask[id >>> 5]! |= 1 << (id & 31);
      return true;
    },
    accept: (tokenId) => tokenIds.includes(tokenId),
    isTerminated: () => false,
  };
}
