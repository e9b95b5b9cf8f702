// `--router-policy-config`: the routing policy as data. Filter -> score -> pick, by worker role, with queue classes.
import { InvalidArgumentError } from "@dyn/protocol";
import { z } from "zod";
import type { RouterSettings } from "../choice/router-settings.ts";
import { completeRouterSettings } from "../choice/router-settings.ts";
import { defaultTwoTierSettings } from "../cost/pick-two-tier.ts";
import { faultOf, type QueueClass, type QueueClasses } from "../queue/queue-classes.ts";
import { defaultQueueSettings } from "../queue/request-queue.ts";
import { ProfileInstance, readProfile } from "./profile-schema.ts";

const weight = z.number().min(0);
const limit = z.number().int().min(0);

/** The router keys that this release acts on; others stop start-up. */
const RouterKeys = z.strictObject({
  host_cache_hit_weight: weight.optional(),
  disk_cache_hit_weight: weight.optional(),
  use_kv_events: z.boolean().optional(),
  use_remote_indexer: z.boolean().optional(),
  serve_indexer: z.boolean().optional(),
  router_replica_sync: z.boolean().optional(),
  router_track_active_blocks: z.boolean().optional(),
  router_track_output_blocks: z.boolean().optional(),
  router_assume_kv_reuse: z.boolean().optional(),
  router_track_prefill_tokens: z.boolean().optional(),
  router_ttl_secs: z.number().gt(0).optional(),
  router_approximate_cache_policy: z.enum(["ttl", "lru"]).optional(),
  router_predicted_ttl_secs: z.number().gt(0).optional(),
  /** Ours: how far above the mean of running requests a worker may get; null = no bound. */
  imbalance_bound: z.number().min(1).nullable().optional(),
  /** Ours: see LoadModel. */
  load_model: z.enum(["estimated", "counted"]).optional(),
});

const CostInstance = z.strictObject({
  name: z.string().min(1),
  type: z.literal("dynamo-default-cost-fn"),
  parameters: z
    .strictObject({
      overlap_score_credit: weight,
      overlap_score_credit_decay: weight,
      prefill_load_scale: weight,
      decode_active_request_weight: weight,
      host_cache_hit_weight: weight,
      disk_cache_hit_weight: weight,
      router_temperature: weight,
    })
    .partial()
    .default({}),
});

const TwoTierInstance = z.strictObject({
  name: z.string().min(1),
  type: z.literal("dynamo-two-tier-cost-fn"),
  parameters: z
    .strictObject({
      cache_threshold: weight,
      balance_abs_threshold: weight,
      balance_rel_threshold: weight,
    })
    .partial()
    .default({}),
});

const Instance = z.discriminatedUnion("type", [CostInstance, TwoTierInstance, ProfileInstance]);

const ClassInstance = z.strictObject({
  name: z.string().min(1),
  policy_family: z.string(),
  cache_bucket: z.string(),
  queue_policy: z.enum(["fcfs", "wspt"]).default("fcfs"),
  quantum: z.number().min(1).optional(),
  prefill_busy_threshold: limit.nullish(),
  prefill_busy_threshold_frac: weight.nullish(),
  request_queue_limit_per_worker: limit.optional(),
  raw_isl_token_queue_limit_per_worker: limit.optional(),
  cached_token_queue_limit_per_worker: limit.optional(),
});

/** Lines in which requests wait: of all models, or of one. Its parts go together. */
const QueueProfile = z.strictObject({
  default_policy_family: z.string().optional(),
  uncached_isl_buckets: z
    .array(z.strictObject({ min_tokens: limit, bucket: z.string() }))
    .min(1)
    .max(16)
    .optional(),
  policy_classes: z.array(ClassInstance).min(1).max(256).optional(),
});

const mostModels = 1024;

const PolicyFile = QueueProfile.extend({
  router: RouterKeys.optional(),
  /** By the name that requests have; one that is not served yet may come. */
  models: z
    .record(z.string().min(1), QueueProfile)
    .refine((models) => Object.keys(models).length <= mostModels, {
      error: `must have at most ${mostModels} models`,
    })
    .optional(),
  worker_selection: z
    .strictObject({
      aggregated: z.string().optional(),
      prefill: z.string().optional(),
      decode: z.string().optional(),
      instances: z.array(Instance).default([]),
    })
    .optional(),
});

/** Which workers a router chooses among: each stage has a selection of its own. */
export type RouterStage = "aggregated" | "prefill" | "decode";

export interface StageSelection {
  readonly stage: RouterStage;
  /** The instance, whatever the file selects for the stage; `default`: the built-in choice. `undefined`: the file's word. */
  readonly name?: string | undefined;
}

/**
 * The file's settings laid over those of the flags, for one stage: one that the file selects nothing for is built-in.
 * `document`: what YAML parsing gave. Unknown keys, names that lead nowhere, and what this release does not act on are
 * refused with an InvalidArgumentError.
 */
export function applyPolicyFile(
  document: unknown,
  flags: Partial<RouterSettings>,
  path = "the policy file",
  stage: StageSelection = { stage: "aggregated" },
): RouterSettings {
  const parsed = PolicyFile.safeParse(document);
  if (!parsed.success) {
    throw refuse(`${path} is no policy that this release takes: ${z.prettifyError(parsed.error)}`);
  }
  const file = parsed.data;
  if (Object.keys(file).length === 0)
    throw refuse(`${path} is empty. Give router, policy_classes, models or worker_selection.`);
  const base = completeRouterSettings(flags);
  const router = file.router ?? {};
  const ttlMs = router.router_ttl_secs === undefined ? undefined : router.router_ttl_secs * 1000;
  const predictedMs = router.router_predicted_ttl_secs;
  const merged: RouterSettings = {
    ...base,
    useKvEvents: router.use_kv_events ?? base.useKvEvents,
    useRemoteIndexer: router.use_remote_indexer ?? base.useRemoteIndexer,
    serveIndexer: router.serve_indexer ?? base.serveIndexer,
    replicaSync: router.router_replica_sync ?? base.replicaSync,
    trackOutputBlocks: router.router_track_output_blocks ?? base.trackOutputBlocks,
    assumeKvReuse: router.router_assume_kv_reuse ?? base.assumeKvReuse,
    approximateTtlMs:
      router.router_approximate_cache_policy === "lru" ? null : (ttlMs ?? base.approximateTtlMs),
    predictedTtlMs: predictedMs === undefined ? base.predictedTtlMs : predictedMs * 1000,
    imbalanceBound:
      router.imbalance_bound === undefined ? base.imbalanceBound : router.imbalance_bound,
    cost: {
      ...base.cost,
      hostCacheHitWeight: router.host_cache_hit_weight ?? base.cost.hostCacheHitWeight,
      diskCacheHitWeight: router.disk_cache_hit_weight ?? base.cost.diskCacheHitWeight,
      trackActiveBlocks: router.router_track_active_blocks ?? base.cost.trackActiveBlocks,
      trackPrefillTokens: router.router_track_prefill_tokens ?? base.cost.trackPrefillTokens,
      loadModel: router.load_model ?? base.cost.loadModel,
    },
    queue: queueOf(file, path) ?? base.queue,
    queueOfModel: queuesByModel(file.models ?? {}, path),
  };
  const instance = selectedInstance(file.worker_selection, path, stage);
  return completeRouterSettings(instance === null ? merged : withInstance(merged, instance));
}

/** `null`: the built-in choice. */
function selectedInstance(
  selection: z.infer<typeof PolicyFile>["worker_selection"],
  path: string,
  { stage, name: override }: StageSelection,
): z.infer<typeof Instance> | null {
  const { instances, ...stages } = selection ?? { instances: [] };
  const names = instances.map(({ name }) => name);
  const double = names.find((name, i) => names.indexOf(name) !== i);
  if (double !== undefined) throw refuse(`${path} has two instances named ${double}.`);
  if (names.includes("default"))
    throw refuse(`${path} names an instance "default", which is reserved.`);
  const known = names.join(", ") || "none";
  const isKnown = (name: string) => name === "default" || names.includes(name);
  const lost = Object.values(stages).find((name) => name !== undefined && !isKnown(name));
  if (lost !== undefined) {
    throw refuse(`${path} selects ${lost}, and its instances are ${known}.`);
  }
  const name = override ?? (stages as Partial<Record<RouterStage, string>>)[stage] ?? "default";
  if (name === "default") return null;
  const instance = instances.find((it) => it.name === name);
  if (instance === undefined) {
    throw refuse(
      `--router-${stage}-policy is ${name}, and the instances of ${path} are ${known}. Name one of them, or default.`,
    );
  }
  return instance;
}

function withInstance(base: RouterSettings, instance: z.infer<typeof Instance>): RouterSettings {
  if (instance.type === "dynamo-two-tier-cost-fn") {
    const { parameters } = instance;
    const settings = {
      cacheThreshold: parameters.cache_threshold ?? defaultTwoTierSettings.cacheThreshold,
      balanceAbsThreshold:
        parameters.balance_abs_threshold ?? defaultTwoTierSettings.balanceAbsThreshold,
      balanceRelThreshold:
        parameters.balance_rel_threshold ?? defaultTwoTierSettings.balanceRelThreshold,
    };
    return { ...base, selection: { type: "twoTier", settings } };
  }
  if (instance.type === "dyn-profile") {
    const { profile, cost } = readProfile(instance, base.cost);
    return { ...base, cost, selection: { type: "profile", profile } };
  }
  const { parameters } = instance;
  const { cost } = base;
  return {
    ...base,
    cost: {
      ...cost,
      overlapScoreCredit: parameters.overlap_score_credit ?? cost.overlapScoreCredit,
      overlapScoreCreditDecay:
        parameters.overlap_score_credit_decay ?? cost.overlapScoreCreditDecay,
      prefillLoadScale: parameters.prefill_load_scale ?? cost.prefillLoadScale,
      decodeActiveRequestWeight:
        parameters.decode_active_request_weight ?? cost.decodeActiveRequestWeight,
      hostCacheHitWeight: parameters.host_cache_hit_weight ?? cost.hostCacheHitWeight,
      diskCacheHitWeight: parameters.disk_cache_hit_weight ?? cost.diskCacheHitWeight,
      temperature: parameters.router_temperature ?? cost.temperature,
    },
  };
}

/** `null`: the file has none, or nobody waits in any. */
function queueOf(file: z.infer<typeof QueueProfile>, path: string): QueueClasses | null {
  const { default_policy_family: defaultFamily, uncached_isl_buckets: buckets } = file;
  const { policy_classes: classes } = file;
  const given = [defaultFamily, buckets, classes].filter((part) => part !== undefined).length;
  if (given === 0) return null;
  if (defaultFamily === undefined || buckets === undefined || classes === undefined) {
    throw refuse(
      `${path}: default_policy_family, uncached_isl_buckets and policy_classes go together.`,
    );
  }
  const queue: QueueClasses = {
    defaultFamily,
    buckets: buckets.map(({ min_tokens: minTokens, bucket }) => ({ minTokens, bucket })),
    classes: classes.map(toQueueClass),
  };
  const fault = faultOf(queue);
  if (fault !== null) throw refuse(`${path}: ${fault}`);
  const waits = queue.classes.some(
    (it) => it.thresholdTokens !== null || it.thresholdFrac !== null,
  );
  return waits ? queue : null;
}

/** Each replaces the lines of all models. */
function queuesByModel(
  models: Readonly<Record<string, z.infer<typeof QueueProfile>>>,
  path: string,
): ReadonlyMap<string, QueueClasses | null> {
  return new Map(
    Object.entries(models).map(([model, profile]) => {
      const where = `${path}, models: ${model}`;
      if (Object.keys(profile).length === 0) {
        throw refuse(
          `${where} is empty. Give default_policy_family, uncached_isl_buckets and policy_classes, or leave it out.`,
        );
      }
      return [model, queueOf(profile, where)] as const;
    }),
  );
}

function toQueueClass(file: z.infer<typeof ClassInstance>): QueueClass {
  const { maxRequestsPerWorker, maxTokensPerWorker, maxCachedTokensPerWorker } =
    defaultQueueSettings;
  return {
    className: file.name,
    family: file.policy_family,
    bucket: file.cache_bucket,
    quantum: file.quantum ?? null,
    policy: file.queue_policy,
    thresholdTokens: file.prefill_busy_threshold ?? null,
    thresholdFrac: file.prefill_busy_threshold_frac ?? null,
    maxRequestsPerWorker: file.request_queue_limit_per_worker ?? maxRequestsPerWorker,
    maxTokensPerWorker: file.raw_isl_token_queue_limit_per_worker ?? maxTokensPerWorker,
    maxCachedTokensPerWorker: file.cached_token_queue_limit_per_worker ?? maxCachedTokensPerWorker,
  };
}

function refuse(message: string): InvalidArgumentError {
  return new InvalidArgumentError(message, { param: "router-policy-config" });
}
