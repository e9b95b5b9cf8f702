import { z } from "zod";
import { option } from "../option/option-meta.ts";

const group = "Router";
const load = "Busy thresholds";
const kv = "KV router";
const ais = "Performance model of the router";

const routerModes = [
  "round-robin",
  "random",
  "power-of-two",
  "kv",
  "direct",
  "least-loaded",
  "device-aware-weighted",
] as const;

const number = (description: string, env: string, value: number) =>
  option(description, z.number().min(0).default(value), { env, group: kv });
const flag = (description: string, env: string, value: boolean) =>
  option(description, z.boolean().default(value), { env, group: kv });
const aisText = (description: string, name: string) =>
  option(description, z.string().optional(), {
    env: `DYN_AIS_${name}`,
    flag: `ais-${name.toLowerCase().replaceAll("_", "-")}`,
    oldNames: [`aic-${name.toLowerCase().replaceAll("_", "-")}`],
    group: ais,
    hidden: true,
  });
const aisCount = (description: string, name: string) =>
  option(description, z.number().int().min(0).optional(), {
    env: `DYN_AIS_${name}`,
    flag: `ais-${name.toLowerCase().replaceAll("_", "-")}`,
    oldNames: [`aic-${name.toLowerCase().replaceAll("_", "-")}`],
    group: ais,
    hidden: true,
  });

/** How a frontend chooses a worker. A worker that sets these advertises them in its model card. */
export const routerOptions = z.object({
  routerMode: option(
    "How requests are spread over workers.",
    z.enum(routerModes).default("round-robin"),
    {
      env: "DYN_ROUTER_MODE",
      group,
    },
  ),
  encoderCudaToCpuRatio: option(
    "With device-aware-weighted: requests that an accelerator takes while a CPU takes one.",
    z.number().gt(0).default(8),
    { env: "DYN_ENCODER_CUDA_TO_CPU_RATIO", envOnly: true, group },
  ),
  routerMinInitialWorkers: option(
    "Workers to wait for before the first request is routed.",
    z.number().int().min(0).default(0),
    { env: "DYN_ROUTER_MIN_INITIAL_WORKERS", group },
  ),
  routerSessionAffinityTtlSecs: option(
    "Seconds that a session stays with its worker; not set: no affinity.",
    z.number().gt(0).optional(),
    { env: "DYN_ROUTER_SESSION_AFFINITY_TTL_SECS", group },
  ),
  routerSessionAffinityMode: option(
    "Whether a session may move when its worker is busy (soft) or not (hard).",
    z.enum(["hard", "soft"]).default("hard"),
    { env: "DYN_ROUTER_SESSION_AFFINITY_MODE", group },
  ),
  activeDecodeBlocksThreshold: option(
    "Share of KV blocks in use above which a worker counts as busy.",
    z.number().min(0).max(1).nullable().default(null),
    { env: "DYN_ACTIVE_DECODE_BLOCKS_THRESHOLD", group: load },
  ),
  activePrefillTokensThreshold: option(
    "Prompt tokens being prefilled above which a worker counts as busy.",
    z.number().int().min(0).nullable().default(null),
    { env: "DYN_ACTIVE_PREFILL_TOKENS_THRESHOLD", group: load },
  ),
  activePrefillTokensThresholdFrac: option(
    "The same as a share of the largest batch in tokens; either of the two suffices.",
    z.number().min(0).nullable().default(null),
    { env: "DYN_ACTIVE_PREFILL_TOKENS_THRESHOLD_FRAC", group: load },
  ),
  enforceDisagg: option("Refuse to serve without prefill workers.", z.boolean().default(false), {
    env: "DYN_ENFORCE_DISAGG",
    group,
    hidden: true,
    noEffect: "what a deployment needs follows from its workers' cards.",
  }),
  loadAware: option("Route by load; implies --router-mode kv.", z.boolean().default(false), {
    env: "DYN_ROUTER_LOAD_AWARE",
    group,
  }),
  routerKvOverlapScoreCredit: number(
    "Weight of the part of a prompt that a worker has cached.",
    "DYN_ROUTER_KV_OVERLAP_SCORE_CREDIT",
    1,
  ),
  routerKvOverlapScoreCreditDecay: number(
    "How fast that weight falls with a worker's load.",
    "DYN_ROUTER_KV_OVERLAP_SCORE_CREDIT_DECAY",
    0,
  ),
  routerPrefillLoadScale: number("Weight of running prefill.", "DYN_ROUTER_PREFILL_LOAD_SCALE", 1),
  routerDecodeActiveRequestWeight: number(
    "Weight of each running request, besides its blocks.",
    "DYN_ROUTER_DECODE_ACTIVE_REQUEST_WEIGHT",
    0,
  ),
  routerHostCacheHitWeight: number(
    "Worth of a block in host memory beside one in device memory.",
    "DYN_ROUTER_HOST_CACHE_HIT_WEIGHT",
    0.75,
  ),
  routerDiskCacheHitWeight: number(
    "Worth of a block on disk beside one in device memory.",
    "DYN_ROUTER_DISK_CACHE_HIT_WEIGHT",
    0.25,
  ),
  routerTemperature: number(
    "Randomness of the choice; 0 takes the best worker.",
    "DYN_ROUTER_TEMPERATURE",
    0,
  ),
  routerKvEvents: option(
    "Learn from workers' events what they have cached; otherwise predict it from what was routed.",
    z.boolean().default(true),
    { env: "DYN_ROUTER_USE_KV_EVENTS", oldNames: ["kv-events"], group: kv },
  ),
  routerReplicaSync: flag(
    "Tell other frontends what was routed.",
    "DYN_ROUTER_REPLICA_SYNC",
    false,
  ),
  routerTrackActiveBlocks: flag(
    "Count the blocks of running requests.",
    "DYN_ROUTER_TRACK_ACTIVE_BLOCKS",
    true,
  ),
  routerTrackOutputBlocks: flag(
    "Count the blocks of answers too.",
    "DYN_ROUTER_TRACK_OUTPUT_BLOCKS",
    false,
  ),
  routerAssumeKvReuse: flag(
    "Count a block that running requests share once.",
    "DYN_ROUTER_ASSUME_KV_REUSE",
    true,
  ),
  routerTrackPrefillTokens: flag(
    "Count prompt tokens until their prefill is done.",
    "DYN_ROUTER_TRACK_PREFILL_TOKENS",
    true,
  ),
  routerTrackingHash: option(
    "Hash by which replicas name blocks to each other.",
    z.enum(["public-xxh3-v1", "keyed-xxh3-v1"]).default("public-xxh3-v1"),
    { env: "DYN_ROUTER_TRACKING_HASH", group: kv },
  ),
  routerTrackingKeyFile: option("Key of the keyed hash.", z.string().optional(), {
    env: "DYN_ROUTER_TRACKING_KEY_FILE",
    group: kv,
    placeholder: "FILE",
  }),
  routerTrackingKeyId: option("Name of that key.", z.string().optional(), {
    env: "DYN_ROUTER_TRACKING_KEY_ID",
    group: kv,
  }),
  routerLoadModel: option(
    "Whether load counts as in Dynamo (counted), or less where prefill must be done by now and where KV memory is free (estimated).",
    z.enum(["estimated", "counted"]).default("estimated"),
    { env: "DYN_ROUTER_LOAD_MODEL", group: kv },
  ),
  routerPrefillLoadModel: option(
    "Model that predicts how long a prefill takes.",
    z.enum(["none", "ais"]).default("none"),
    { env: "DYN_ROUTER_PREFILL_LOAD_MODEL", group: kv },
  ),
  routerTtlSecs: option(
    "Seconds that a predicted block is believed in.",
    z.number().gt(0).default(120),
    {
      env: "DYN_ROUTER_TTL_SECS",
      group: kv,
    },
  ),
  routerApproximateCachePolicy: option(
    "How predicted blocks leave: after their time, or the least recently used first.",
    z.enum(["ttl", "lru"]).default("ttl"),
    { env: "DYN_ROUTER_APPROXIMATE_CACHE_POLICY", group: kv },
  ),
  routerPredictedTtlSecs: option(
    "Seconds that a block counts as cached from its routing until its event.",
    z.number().gt(0).optional(),
    { env: "DYN_ROUTER_PREDICTED_TTL_SECS", group: kv },
  ),
  routerQueueThreshold: option(
    "Load above which requests wait in the router.",
    z.number().min(0).nullable().default(null),
    { env: "DYN_ROUTER_QUEUE_THRESHOLD", group: kv },
  ),
  routerQueuePolicy: option("Order of that queue.", z.enum(["fcfs", "wspt"]).default("fcfs"), {
    env: "DYN_ROUTER_QUEUE_POLICY",
    group: kv,
  }),
  routerPolicyConfig: option("File that describes the routing policy.", z.string().optional(), {
    env: "DYN_ROUTER_POLICY_CONFIG",
    group: kv,
    placeholder: "FILE",
  }),
  routerPrefillPolicy: option(
    "Instance of the policy file that chooses prefill workers, whatever it selects; default: the built-in choice.",
    z.string().optional(),
    {
      env: "DYN_ROUTER_PREFILL_POLICY",
      group: kv,
    },
  ),
  routerDecodePolicy: option("The same for decode workers.", z.string().optional(), {
    env: "DYN_ROUTER_DECODE_POLICY",
    group: kv,
  }),
  routerConditionalDisagg: flag(
    "Prefill short or mostly cached prompts on the decode worker.",
    "DYN_ROUTER_CONDITIONAL_DISAGG",
    false,
  ),
  routerConditionalDisaggConfig: option(
    "Thresholds of that decision: policy, eff_isl_threshold, eff_isl_ratio_threshold, prefill_busy_threshold, decode_busy_threshold.",
    z
      .strictObject({
        policy: z.enum(["isl_bounding", "prefill_load", "isl_or_load"]).optional(),
        eff_isl_threshold: z.number().min(0).optional(),
        eff_isl_ratio_threshold: z.number().min(0).max(1).optional(),
        prefill_busy_threshold: z.number().min(0).optional(),
        decode_busy_threshold: z.number().min(0).optional(),
      })
      .optional(),
    { env: "DYN_ROUTER_CONDITIONAL_DISAGG_CONFIG", group: kv },
  ),
  routerEventThreads: option("Threads that take in events.", z.number().int().min(1).default(4), {
    env: "DYN_ROUTER_EVENT_THREADS",
    group: kv,
    hidden: true,
    noEffect: "one thread takes in some million blocks a second.",
  }),
  routerIndexBytes: option(
    "Bound of the index in bytes, some 61 for a block; beyond it the blocks used longest ago are forgotten.",
    z
      .number()
      .int()
      .min(65_536)
      .default(2 ** 30),
    { env: "DYN_ROUTER_INDEX_BYTES", humanInteger: true, group: kv },
  ),
  serveIndexer: flag("Offer this process's index to others.", "DYN_SERVE_INDEXER", false),
  useRemoteIndexer: flag("Ask another process's index.", "DYN_USE_REMOTE_INDEXER", false),
  enableSessionPrefixIndex: flag(
    "Index prefixes by session.",
    "DYN_ENABLE_SESSION_PREFIX_INDEX",
    false,
  ),
  sharedCacheType: option(
    "Cache that several workers share.",
    z.enum(["none", "hicache"]).default("none"),
    {
      env: "DYN_SHARED_CACHE_TYPE",
      group: kv,
    },
  ),
  sharedCacheMultiplier: option(
    "Worth of a block in the shared cache; 0.5 when that is on.",
    z.number().min(0).optional(),
    { env: "DYN_SHARED_CACHE_MULTIPLIER", group: kv },
  ),
  aisBackend: aisText("Engine that is modelled.", "BACKEND"),
  aisSystem: aisText("Machine that is modelled.", "SYSTEM"),
  aisBackendVersion: aisText("Version of the engine.", "BACKEND_VERSION"),
  aisTpSize: aisCount("Its tensor parallel size.", "TP_SIZE"),
  aisModelPath: aisText("Its model.", "MODEL_PATH"),
  aisMoeTpSize: aisCount("Its tensor parallel size of experts.", "MOE_TP_SIZE"),
  aisMoeEpSize: aisCount("Its expert parallel size.", "MOE_EP_SIZE"),
  aisAttentionDpSize: aisCount("Its data parallel size of attention.", "ATTENTION_DP_SIZE"),
  aisNextn: aisCount("Its speculated tokens.", "NEXTN"),
  aisMtpSeed: aisCount("Its seed of multi-token prediction.", "MTP_SEED"),
});

/** The same options on a worker: no mode of its own means that the frontend's holds. */
export const routerAdvertisementOptions = routerOptions.extend({
  routerMode: option(
    "Routing mode that this worker asks frontends for; not set: the frontend's own.",
    z.enum(routerModes).optional(),
    { env: "DYN_ROUTER_MODE", group },
  ),
});
