// Policy files: what they set, and that nothing in them is passed over.
import {
  applyPolicyFile,
  createKvRouter,
  defaultRouterSettings,
  type StageSelection,
} from "@dyn/router";
import { createMemHub } from "@dyn/runtime";
import { describe, expect, test } from "vitest";

test("router keys, a selection and a queue class lie over the flags", () => {
  const settings = applyPolicyFile(
    {
      router: { use_kv_events: false, router_ttl_secs: 5, imbalance_bound: 3 },
      default_policy_family: "std",
      uncached_isl_buckets: [{ min_tokens: 0, bucket: "all" }],
      policy_classes: [
        {
          name: "std_all",
          policy_family: "std",
          cache_bucket: "all",
          queue_policy: "wspt",
          prefill_busy_threshold: 100,
          request_queue_limit_per_worker: 1,
          cached_token_queue_limit_per_worker: 500,
        },
      ],
      worker_selection: {
        aggregated: "mine",
        instances: [
          { name: "mine", type: "dynamo-default-cost-fn", parameters: { overlap_score_credit: 2 } },
        ],
      },
    },
    { replicaSync: true },
  );
  expect(settings).toMatchObject({
    useKvEvents: false,
    approximateTtlMs: 5_000,
    imbalanceBound: 3,
    replicaSync: true,
    cost: { ...defaultRouterSettings.cost, overlapScoreCredit: 2 },
    queue: {
      defaultFamily: "std",
      classes: [
        {
          className: "std_all",
          policy: "wspt",
          thresholdTokens: 100,
          thresholdFrac: null,
          maxRequestsPerWorker: 1,
          maxCachedTokensPerWorker: 500,
        },
      ],
    },
  });
});

describe("queue classes", () => {
  const classOf = (name: string, family: string, bucket: string, more: object = {}) => ({
    name,
    policy_family: family,
    cache_bucket: bucket,
    prefill_busy_threshold_frac: 1,
    ...more,
  });
  const buckets = [
    { min_tokens: 0, bucket: "short" },
    { min_tokens: 1000, bucket: "long" },
  ];
  const apply = (classes: object[], more: object = {}) =>
    applyPolicyFile(
      {
        default_policy_family: "std",
        uncached_isl_buckets: buckets,
        policy_classes: classes,
        ...more,
      },
      {},
      "p.yaml",
    );
  const [short, long] = [classOf("a", "std", "short"), classOf("b", "std", "long")];

  test("are one for each family and bucket", () => {
    const batch = [classOf("c", "batch", "short"), classOf("d", "batch", "long", { quantum: 100 })];
    const { queue } = apply([short, long, ...batch]);
    expect(queue).toMatchObject({
      buckets: [{ minTokens: 0 }, { minTokens: 1000 }],
      classes: [{ quantum: null }, {}, {}, { className: "d", family: "batch", quantum: 100 }],
    });
  });

  test("of which nobody waits in any are none", () => {
    const free = { prefill_busy_threshold_frac: null };
    expect(
      apply([classOf("a", "std", "short", free), classOf("b", "std", "long", free)]).queue,
    ).toBeNull();
  });

  test.each([
    [
      "that leave a bucket out",
      () => apply([short]),
      "0 classes are for the family std and the bucket long",
    ],
    [
      "twice for a bucket",
      () => apply([short, long, classOf("c", "std", "long")]),
      "2 classes are for",
    ],
    [
      "of one name",
      () => apply([short, long, classOf("a", "x", "long")]),
      "two policy_classes are named a",
    ],
    [
      "for a bucket that is not there",
      () => apply([short, long, classOf("c", "std", "huge")]),
      "the bucket huge",
    ],
    [
      "without the default family",
      () => apply([short, long], { default_policy_family: "no" }),
      "default_policy_family is no",
    ],
    [
      "in buckets that do not rise",
      () => apply([short, long], { uncached_isl_buckets: buckets.toReversed() }),
      "begin at 0 and rise",
    ],
  ])("%s are refused", (_, run, message) => {
    expect(run).toThrow(message);
  });
});

describe("models", () => {
  const profile = (family: string, frac: number | null) => ({
    default_policy_family: family,
    uncached_isl_buckets: [{ min_tokens: 0, bucket: "all" }],
    policy_classes: [
      {
        name: `${family}_all`,
        policy_family: family,
        cache_bucket: "all",
        prefill_busy_threshold_frac: frac,
      },
    ],
  });

  test("have lines of their own instead of those of all; one without a threshold has none", () => {
    const { queue, queueOfModel } = applyPolicyFile(
      { ...profile("std", 1), models: { big: profile("slow", 2), open: profile("free", null) } },
      {},
    );
    expect(queue).toMatchObject({ defaultFamily: "std" });
    expect(queueOfModel.get("big")).toMatchObject({
      defaultFamily: "slow",
      classes: [{ className: "slow_all", thresholdFrac: 2 }],
    });
    expect(queueOfModel.get("open")).toBeNull();
    expect(queueOfModel.get("other")).toBeUndefined();
    expect(applyPolicyFile({ models: { big: profile("slow", 2) } }, {}).queue).toBeNull();
  });

  test.each([
    ["an empty one", { big: {} }, "models: big is empty"],
    ["half of one", { big: { default_policy_family: "a" } }, "models: big: default_policy_family"],
    ["an unknown key", { big: { ...profile("a", 1), routr: 1 } }, "routr"],
    ["router keys", { big: { router: {} } }, "router"],
    [
      "a family without a class",
      { big: { ...profile("a", 1), default_policy_family: "b" } },
      "models: big: default_policy_family is b",
    ],
  ])("%s is refused by its place", (_, models, message) => {
    expect(() => applyPolicyFile({ models }, {}, "p.yaml")).toThrow(message);
  });

  test("a router takes the lines of its own model", async () => {
    const settings = applyPolicyFile(
      { ...profile("std", 1), models: { big: profile("slow", 2), open: profile("free", null) } },
      {},
    );
    const lines = (model: string) => {
      const router = createKvRouter({
        planes: createMemHub().createPlanes(),
        endpoint: { namespace: "dynamo", component: "backend", endpoint: "generate" },
        model,
        blockSize: 16,
        settings,
      });
      const names = router.queue?.view().map(({ className }) => className) ?? null;
      return router.close().then(() => names);
    };
    expect(await lines("big")).toEqual(["slow_all"]);
    expect(await lines("open")).toBeNull();
    expect(await lines("other")).toEqual(["std_all"]);
  });
});

test("the two-tier rule has the defaults of its source", () => {
  const instances = [{ name: "two", type: "dynamo-two-tier-cost-fn" }];
  const file = { worker_selection: { aggregated: "two", instances } };
  expect(applyPolicyFile(file, {}).selection).toEqual({
    type: "twoTier",
    settings: { cacheThreshold: 0.5, balanceAbsThreshold: 32, balanceRelThreshold: 1.1 },
  });
});

describe("stages", () => {
  const instances = [
    { name: "two", type: "dynamo-two-tier-cost-fn" },
    { name: "mine", type: "dynamo-default-cost-fn", parameters: { overlap_score_credit: 2 } },
  ];
  const file = { worker_selection: { aggregated: "two", prefill: "mine", instances } };
  const chosen = (stage: StageSelection["stage"], name?: string) => {
    const { selection, cost } = applyPolicyFile(file, {}, "p.yaml", { stage, name });
    return [selection.type, cost.overlapScoreCredit];
  };

  test("have a selection each; one without is built-in, whatever aggregated workers have", () => {
    expect(chosen("aggregated")).toEqual(["twoTier", 1]);
    expect(chosen("prefill")).toEqual(["cost", 2]);
    expect(chosen("decode")).toEqual(["cost", 1]);
  });

  test("are overridden by name, and by default to the built-in choice", () => {
    expect(chosen("prefill", "two")).toEqual(["twoTier", 1]);
    expect(chosen("prefill", "default")).toEqual(["cost", 1]);
    expect(() => chosen("decode", "three")).toThrow(
      "--router-decode-policy is three, and the instances of p.yaml are two, mine.",
    );
  });
});

test.each([
  ["an empty file", {}, "is empty"],
  ["an unknown key", { routr: {} }, "routr"],
  ["an unknown router key", { router: { router_magic: 1 } }, "router_magic"],
  ["a name that leads nowhere", { worker_selection: { aggregated: "x" } }, "selects x"],
  ["the same of another stage", { worker_selection: { decode: "y" } }, "selects y"],
  [
    "a reserved name",
    { worker_selection: { instances: [{ name: "default", type: "dynamo-two-tier-cost-fn" }] } },
    "reserved",
  ],
  ["half a profile", { default_policy_family: "std" }, "go together"],
  ["a text", "kv", "no policy"],
  [
    "no load in the cost",
    { router: { router_track_active_blocks: false, router_track_prefill_tokens: false } },
    "leave no load",
  ],
])("%s is refused", (_, document, message) => {
  expect(() => applyPolicyFile(document, {})).toThrow(message);
});
