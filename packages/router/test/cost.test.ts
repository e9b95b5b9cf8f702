// The cost function against logits observed on Dynamo 1.6.1.
import { createBlockHasher } from "@dyn/kv-events";
import {
  ActiveRequests,
  type CachedBlocks,
  type CostSettings,
  checkCostSettings,
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
  return overrideCost({ ...defaultCostSettings, ...settings }, { overlap_score_weight: weight });
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
      const load = active.loadWith(rank(worker as Name), toBlockKeys(sequenceHashes));
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
