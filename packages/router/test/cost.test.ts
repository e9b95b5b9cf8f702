// The cost function against logits observed on Dynamo 1.6.1.
import { createBlockHasher } from "@dyn/kv-events";
import {
  ActiveRequests,
  type CachedBlocks,
  type CostSettings,
  checkCostSettings,
  decodeWeight,
  defaultCostSettings,
  defaultTwoTierSettings,
  overrideCost,
  pickLowest,
  pickTwoTier,
  toBlockKeys,
  workerCost,
} from "@dyn/router";
import { describe, expect, test } from "vitest";
import cases from "./fixtures/router-cost-cases.json" with { type: "json" };

const blockSize = 4;
const workers = { A: 6, B: 2, C: 0 } as const;
type Name = keyof typeof workers;

function settingsOf(config: Record<string, unknown>): CostSettings {
  const wire = {
    overlap_score_credit: "overlapScoreCredit",
    overlap_score_credit_decay: "overlapScoreCreditDecay",
    prefill_load_scale: "prefillLoadScale",
    router_temperature: "temperature",
    router_track_prefill_tokens: "trackPrefillTokens",
    router_track_active_blocks: "trackActiveBlocks",
    host_cache_hit_weight: "hostCacheHitWeight",
    disk_cache_hit_weight: "diskCacheHitWeight",
    decode_active_request_weight: "decodeActiveRequestWeight",
  } as const;
  const settings = Object.fromEntries(
    Object.entries(wire).flatMap(([key, name]) => (key in config ? [[name, config[key]]] : [])),
  );
  const weight = config.overlap_score_weight;
  const counted = { ...defaultCostSettings, loadModel: "counted" as const };
  return overrideCost({ ...counted, ...settings }, { overlap_score_weight: weight });
}

describe("logits of Dynamo 1.6.1", () => {
  test.each(cases.cases)("$case", ({ case: name, config, expected }) => {
    const tokenCount = name.startsWith("42-token") ? 42 : 40;
    const tokens = Uint32Array.from({ length: tokenCount }, (_, i) => i + 1);
    const { sequenceHashes } = createBlockHasher().hashTokens(tokens, { blockSize });
    const isCold = name.startsWith("no overlap") || name.startsWith("approximate");
    const active = new ActiveRequests({
      assumeKvReuse:
        (config as { router_assume_kv_reuse?: boolean }).router_assume_kv_reuse ?? true,
    });
    const rank = (worker: Name) => ({ workerId: BigInt("ABC".indexOf(worker)), dpRank: 0 });
    const run = (
      worker: Name,
      uncachedTokens: number,
      blockKeys: Float64Array = new Float64Array(),
    ) => active.add({ requestId: `${worker}-r`, ...rank(worker), blockKeys, uncachedTokens });
    if (name.startsWith("one booked")) run("A", 16, toBlockKeys(sequenceHashes));
    if (name.startsWith("decode_active_request_weight")) {
      run("A", 16, toBlockKeys(sequenceHashes));
      active.prefillCompleted("A-r");
    }
    if (name.startsWith("credit decay")) {
      run("A", 16);
      run("B", 32);
    }
    const cachedOf = (worker: Name): CachedBlocks => {
      if (name.startsWith("tiers") && worker === "B") {
        return { deviceBlocks: 2, hostBlocks: 5, diskBlocks: 7 };
      }
      const blocks = isCold ? 0 : workers[worker];
      return { deviceBlocks: blocks, hostBlocks: blocks, diskBlocks: blocks };
    };
    const size = { tokenCount, blockSize, blockCount: sequenceHashes.length };
    const settings = settingsOf(config as Record<string, unknown>);
    for (const [worker, logit] of Object.entries(expected as Record<string, number>)) {
      const keys = toBlockKeys(sequenceHashes);
      const load = { ...active.loadWith(rank(worker as Name), keys), totalKvBlocks: 1000 };
      const cost = workerCost(size, cachedOf(worker as Name), load, 0, settings);
      expect([worker, cost.logit]).toEqual([worker, logit]);
    }
  });
});

test("a temperature draws as observed, ties are drawn evenly", () => {
  const share = (temperature: number, costs: readonly number[]) => {
    const counts = [0, 0, 0];
    for (let i = 0; i < 3000; i++) {
      counts[pickLowest(costs, temperature, () => (i + 0.5) / 3000).index]! += 1;
    }
    return counts.map((count) => count / 3000);
  };
  // exp(-(v - 14) / (6 T)) of 14, 18 and 20.
  const weights = (t: number) => [0, 4, 6].map((d) => Math.exp(-d / (6 * t)));
  for (const temperature of [0.5, 1, 2]) {
    const sum = weights(temperature).reduce((a, b) => a + b);
    for (const [i, weight] of weights(temperature).entries()) {
      expect(share(temperature, [14, 18, 20])[i]).toBeCloseTo(weight / sum, 2);
    }
  }
  expect(share(0, [20, 20, 20])).toEqual([1 / 3, 1 / 3, 1 / 3]);
});

test("the two-tier rule chooses as observed", () => {
  const settings = { ...defaultTwoTierSettings, ...{ balanceAbsThreshold: 3 } };
  const pick = (loads: readonly number[], deviceBlocks: readonly number[], blockCount: number) =>
    pickTwoTier(
      loads.map((activeRequests, i) => ({ activeRequests, deviceBlocks: deviceBlocks[i]! })),
      blockCount,
      settings,
    ).index;
  expect(pick([2, 0, 1], [6, 2, 0], 10)).toBe(0);
  // 6 of 12 is not above a half.
  expect(pick([2, 0, 1], [6, 2, 0], 12)).toBe(1);
  expect(pick([4, 1, 1], [0, 0, 0], 10)).toBe(1);
  const loads = [0, 0, 0];
  const chosen = Array.from({ length: 6 }, () => {
    const index = pick(loads, [10, 0, 0], 10);
    loads[index]! += 1;
    return index;
  });
  expect(chosen).toEqual([0, 0, 0, 0, 1, 2]);
});

test("settings without any load are refused", () => {
  const check = (settings: Partial<CostSettings>) => () =>
    checkCostSettings({ ...defaultCostSettings, ...settings });
  const noBlocks = { trackActiveBlocks: false };
  expect(check({ ...noBlocks, trackPrefillTokens: false })).toThrow("leave no load");
  expect(check({ ...noBlocks, prefillLoadScale: 0 })).toThrow("leave no load");
  expect(check(noBlocks)).not.toThrow();
  expect(check({ ...noBlocks, prefillLoadScale: 0, decodeActiveRequestWeight: 1 })).not.toThrow();
  expect(check({ overlapScoreCredit: Number.NaN })).toThrow("overlapScoreCredit is NaN");
  expect(() => overrideCost(defaultCostSettings, { prefill_load_scale: "2" })).toThrow(
    "prefill_load_scale",
  );
});

test("blocks that running requests share count once, and all are given back", () => {
  const active = new ActiveRequests();
  const rank = { workerId: 1n, dpRank: 0 };
  const keys = (from: number, to: number) =>
    Float64Array.from({ length: to - from }, (_, i) => from + i);
  active.add({ requestId: "a", ...rank, blockKeys: keys(0, 10), uncachedTokens: 40 });
  active.add({ requestId: "b", ...rank, blockKeys: keys(0, 6), uncachedTokens: 0 });
  expect(active.loadWith(rank, keys(0, 12))).toEqual({
    activePrefillTokens: 40,
    decodeBlocks: 12,
    activeRequests: 2,
  });
  expect(active.loadWith(rank, keys(100, 103)).decodeBlocks).toBe(13);
  active.prefillCompleted("a");
  active.free("a");
  expect(active.loadWith(rank, keys(100, 103))).toEqual({
    activePrefillTokens: 0,
    decodeBlocks: 9,
    activeRequests: 1,
  });
  active.free("b");
  active.free("b");
  expect(active.loadWith(rank, keys(0, 1))).toEqual({
    activePrefillTokens: 0,
    decodeBlocks: 1,
    activeRequests: 0,
  });
});

describe("estimated load", () => {
  const rank = { workerId: 1n, dpRank: 0 };
  const blockKeys = new Float64Array();
  function createActive() {
    const clock = { nowMs: 0 };
    const active = new ActiveRequests({ estimatesProgress: true, now: () => clock.nowMs });
    const add = (requestId: string, uncachedTokens: number) =>
      active.add({ requestId, ...rank, blockKeys, uncachedTokens });
    const left = () => active.loadWith(rank, blockKeys).activePrefillTokens;
    return { active, add, left, clock };
  }

  test("prefill that must be done by now at the rank's pace is no load; thresholds see all of it", () => {
    const { active, add, left, clock } = createActive();
    add("a", 1000);
    clock.nowMs = 60;
    // Nothing is known of the pace yet.
    expect(left()).toBe(1000);
    clock.nowMs = 100;
    active.prefillCompleted("a");
    expect(left()).toBe(0);
    clock.nowMs = 500;
    add("b", 1000);
    add("c", 1000);
    clock.nowMs = 550;
    expect(left()).toBe(1500);
    expect(active.activePrefillTokens(rank)).toBe(2000);
    clock.nowMs = 600;
    active.prefillCompleted("b");
    clock.nowMs = 640;
    expect(left()).toBe(600);
  });

  test("a rank that is long overdue may hang: all that it was given counts again", () => {
    const { active, add, left, clock } = createActive();
    add("a", 1000);
    clock.nowMs = 100;
    active.prefillCompleted("a");
    add("b", 1000);
    clock.nowMs = 290;
    expect(left()).toBe(0);
    clock.nowMs = 310;
    expect(left()).toBe(1000);
  });

  test("a request that is cancelled in its prefill says nothing of the pace", () => {
    const { active, add, left, clock } = createActive();
    add("a", 1000);
    clock.nowMs = 100;
    active.prefillCompleted("a");
    add("cancelled", 100_000);
    clock.nowMs = 101;
    active.free("cancelled");
    add("b", 1000);
    clock.nowMs = 151;
    expect(left()).toBe(500);
  });

  test("time without prefill does not slow the pace", () => {
    const { active, add, left, clock } = createActive();
    for (let i = 0; i < 5; i++) {
      add(`${i}`, 1000);
      clock.nowMs += 100;
      active.prefillCompleted(`${i}`);
      clock.nowMs += 10_000;
    }
    add("last", 1000);
    clock.nowMs += 50;
    expect(left()).toBeCloseTo(500, -1);
  });

  test("running blocks weigh a sixteenth up to half of the memory, and in full when it is full or not known", () => {
    expect([0, 100, 500].map((blocks) => decodeWeight(blocks, 1000))).toEqual(
      new Array(3).fill(1 / 16),
    );
    expect(decodeWeight(750, 1000)).toBeCloseTo(0.316, 3);
    expect(decodeWeight(1000, 1000)).toBe(1);
    expect(decodeWeight(1500, 1000)).toBe(1);
    expect(decodeWeight(100, 0)).toBe(1);
  });

  test("a cached prefix outweighs a few running requests where memory is free, and nothing where it is full", () => {
    const size = { tokenCount: 7200, blockSize: 64, blockCount: 112 };
    const cached = { deviceBlocks: 94, hostBlocks: 94, diskBlocks: 94 };
    const none = { deviceBlocks: 0, hostBlocks: 0, diskBlocks: 0 };
    const load = (decodeBlocks: number) => ({
      activePrefillTokens: 0,
      decodeBlocks,
      activeRequests: 0,
      totalKvBlocks: 3750,
    });
    const costs = (busyBlocks: number) => [
      workerCost(size, cached, load(busyBlocks), 0, defaultCostSettings).logit,
      workerCost(size, none, load(112), 0, defaultCostSettings).logit,
    ];
    expect(costs(800)[0]).toBeLessThan(costs(800)[1]!);
    expect(costs(3700)[0]).toBeGreaterThan(costs(3700)[1]!);
  });
});
