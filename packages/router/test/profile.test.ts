// Profiles: what the guide shows, that the built-in policies can be spelled as one, and that no profile is without load.
import { readFileSync } from "node:fs";
import { loadYaml } from "@dyn/args";
import {
  applyPolicyFile,
  type CandidateRecord,
  type CostSettings,
  defaultCostSettings,
  pickTwoTier,
  type RouterSettings,
  workerCost,
} from "@dyn/router";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { pickCandidate } from "../src/choice/pick-candidate.ts";
import type { Candidate } from "../src/choice/weigh-candidates.ts";
import { applyProfile } from "../src/policy/apply-profile.ts";
import type { Profile } from "../src/policy/profile.ts";

const guide = readFileSync(new URL("../../../docs/guides/kv-routing.md", import.meta.url), "utf8");
const shown = [...guide.matchAll(/```yaml\n(.*?)```/gs)].map(([, text]) => text!);
const named = (name: string): RouterSettings => {
  const text = shown.find((it) => it.includes(`aggregated: ${name}\n`));
  if (text === undefined) throw new Error(`The guide shows no policy ${name}.`);
  return applyPolicyFile(loadYaml().parse(text), {});
};
const profileOf = ({ selection }: RouterSettings): Profile => {
  if (selection.type !== "profile") throw new Error(`This is ${selection.type}.`);
  return selection.profile;
};

const blockSize = 16;
interface Rank {
  readonly device: number;
  readonly host: number;
  readonly prefillTokens: number;
  readonly decodeBlocks: number;
  readonly totalBlocks: number;
  readonly requests: number;
}
const ranks = fc.array(
  fc.record<Rank>({
    device: fc.nat(40),
    host: fc.nat(5),
    prefillTokens: fc.nat(5_000),
    decodeBlocks: fc.nat(500),
    totalBlocks: fc.nat(1_000),
    requests: fc.nat(80),
  }),
  { minLength: 1, maxLength: 12 },
);

/** As the default policy weighs them. */
function weigh(all: readonly Rank[], tokenCount: number, cost: CostSettings): Candidate[] {
  const size = { tokenCount, blockSize, blockCount: Math.floor(tokenCount / blockSize) };
  const least = Math.min(...all.map(({ prefillTokens }) => prefillTokens));
  return all.map((rank, i) => {
    const deviceBlocks = Math.min(rank.device, size.blockCount);
    const hostBlocks = Math.min(deviceBlocks + rank.host, size.blockCount);
    const load = {
      activePrefillTokens: rank.prefillTokens,
      decodeBlocks: rank.decodeBlocks,
      activeRequests: rank.requests,
      totalKvBlocks: rank.totalBlocks,
    };
    const cached = { deviceBlocks, hostBlocks, diskBlocks: hostBlocks };
    const where = { workerId: BigInt(i), dpRank: 0 };
    const record: CandidateRecord = {
      ...where,
      ...cached,
      ...load,
      ...workerCost(size, cached, load, least, cost),
      excluded: null,
    };
    return { ...where, record, preference: 1 };
  });
}
const view = (tokenCount: number, cost: CostSettings = defaultCostSettings) => ({
  size: { tokenCount, blockSize, blockCount: Math.floor(tokenCount / blockSize) },
  cost,
  kvUsage: () => 0,
});

test("the guide's policies are all taken", () => {
  expect(shown.length).toBeGreaterThanOrEqual(3);
  for (const text of shown) applyPolicyFile(loadYaml().parse(text), {});
});

test("the default policy as a profile costs the same to the last bit", () => {
  const settings = named("kv");
  const seed = Math.floor(Math.random() * 2 ** 31);
  console.log(`seed ${seed}`);
  fc.assert(
    fc.property(ranks, fc.integer({ min: 1, max: 640 }), (all, tokenCount) => {
      const weighed = weigh(all, tokenCount, settings.cost);
      const scored = applyProfile(profileOf(settings), weighed, view(tokenCount, settings.cost));
      expect(scored.map(({ record }) => record.logit)).toEqual(
        weighed.map(({ record }) => record.logit),
      );
    }),
    { seed },
  );
});

test("the two-tier rule as a profile picks the same rank", () => {
  const settings = named("two-tier");
  const rule = { cacheThreshold: 0.5, balanceAbsThreshold: 32, balanceRelThreshold: 1.1 };
  const seed = Math.floor(Math.random() * 2 ** 31);
  console.log(`seed ${seed}`);
  fc.assert(
    fc.property(ranks, fc.integer({ min: 1, max: 640 }), (all, tokenCount) => {
      const weighed = weigh(all, tokenCount, settings.cost);
      const { blockCount } = view(tokenCount).size;
      const records = weighed.map(({ record }) => record);
      const expected = records[pickTwoTier(records, blockCount, rule).index]!.workerId;
      const scored = applyProfile(profileOf(settings), weighed, view(tokenCount));
      const open = scored.filter(({ record }) => record.excluded === null);
      const { index } = pickCandidate(
        open,
        blockCount,
        settings.selection,
        settings.cost,
        Math.random,
      );
      expect(open[index]!.workerId).toBe(expected);
    }),
    { seed },
  );
});

test("filters say what they left out, and one that would leave nobody is passed over", () => {
  const all = [
    { device: 20, host: 0, prefillTokens: 0, decodeBlocks: 0, totalBlocks: 0, requests: 60 },
    { device: 0, host: 0, prefillTokens: 0, decodeBlocks: 0, totalBlocks: 0, requests: 1 },
    { device: 0, host: 0, prefillTokens: 0, decodeBlocks: 0, totalBlocks: 0, requests: 9 },
  ];
  const apply = (filters: Profile["filters"]) =>
    applyProfile(
      { name: "mine", filters, scorers: [{ type: "uncached", weight: 1 }], picker: "lowest" },
      weigh(all, 320, defaultCostSettings),
      view(320),
    ).map(({ record }) => record.excluded);
  expect(apply([{ type: "imbalance", bound: 1.5, atLeast: 8 }])).toEqual(["bound", null, null]);
  expect(apply([{ type: "least-loaded", slack: 8 }])).toEqual(["load", null, null]);
  const prefix = { type: "prefix", minShare: 0.5, unlessUneven: null } as const;
  expect(apply([prefix])).toEqual([null, "prefix", "prefix"]);
  // Only the overloaded one is left, so there is nobody to move to.
  expect(apply([prefix, { type: "imbalance", bound: 1.5, atLeast: 8 }])).toEqual([
    null,
    "prefix",
    "prefix",
  ]);
});

test("a request's weights hold over the profile's", () => {
  const { cost } = named("kv");
  const [scored] = applyProfile(
    profileOf(named("kv")),
    weigh(
      [{ device: 0, host: 0, prefillTokens: 0, decodeBlocks: 3, totalBlocks: 0, requests: 0 }],
      160,
      cost,
    ),
    view(160, { ...cost, prefillLoadScale: 5 }),
  );
  expect(scored!.record.logit).toBe(5 * 10 + 3);
});

describe("what a profile cannot say", () => {
  const file = (parameters: object) => ({
    worker_selection: {
      aggregated: "p",
      instances: [{ name: "p", type: "dyn-profile", parameters }],
    },
  });
  test.each([
    ["no scorer", { scorers: [] }, "scorers"],
    ["a scorer that nobody knows", { scorers: [{ type: "luck" }] }, "scorers"],
    [
      "a filter that nobody knows",
      { filters: [{ type: "mood" }], scorers: [{ type: "prefill" }] },
      "filters",
    ],
    [
      "a bound below 1",
      { filters: [{ type: "imbalance", bound: 0.5 }], scorers: [{ type: "prefill" }] },
      "bound",
    ],
    ["a scorer twice", { scorers: [{ type: "prefill" }, { type: "prefill" }] }, "twice"],
    ["cache alone", { scorers: [{ type: "uncached" }] }, "leaves no load"],
    [
      "a parameter of another scorer",
      { scorers: [{ type: "kv-usage", overlap_score_credit: 1 }] },
      "overlap_score_credit",
    ],
  ])("%s is refused", (_, parameters, message) => {
    expect(() => applyPolicyFile(file(parameters), {})).toThrow(message);
  });
});
