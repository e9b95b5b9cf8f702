import { type NativeFlag, noticeFlags, refuseFlags } from "./native-flag.ts";

const oneTier =
  "KV is in host memory: there is no second tier. Raise --mem-fraction-static or --max-total-tokens.";
const noTier = "it tunes a second tier of KV, and there is none here.";
const noMamba = "no model with a recurrent state is supported.";
const noVision = "it tunes the reading of media, and this engine reads text.";

/** SGLang's cache tiers, pool layouts, recurrent and media caches. */
export const cacheFlags: readonly NativeFlag[] = [
  ...refuseFlags("one", "pages leave the cache least recently used first.", [
    "radix-eviction-policy=lru",
  ]),
  ...refuseFlags("one", "there is one prefix cache, a radix tree.", ["radix-cache-backend"]),
  ...refuseFlags("one", "no model with a sliding window has a pool of its own for it.", [
    "swa-full-tokens-ratio=0.8",
  ]),
  ...noticeFlags("none", "there is one pool of pages anyway.", [
    "disable-hybrid-swa-memory",
    "enable-page-major-kv-layout",
    "enable-unified-memory",
    "disable-chunked-prefix-cache",
  ]),
  ...refuseFlags("none", "every request has its KV.", ["prefill-only-disable-kv-cache"]),
  ...refuseFlags("none", oneTier, [
    "enable-hierarchical-cache",
    "enable-lmcache",
    "enable-flexkv",
    "enable-hisparse",
  ]),
  ...refuseFlags("one", oneTier, ["hicache-storage-backend"]),
  ...noticeFlags("one", noTier, [
    "hicache-ratio",
    "hicache-size",
    "hicache-write-policy",
    "hicache-io-backend",
    "hicache-mem-layout",
    "hicache-storage-prefetch-policy",
    "hicache-storage-backend-extra-config",
    "lmcache-config-file",
    "flexkv-config-file",
    "hisparse-config|hierarchical-sparse-attention-extra-config",
  ]),
  ...noticeFlags("one", noMamba, [
    "max-mamba-cache-size",
    "mamba-ssm-dtype",
    "mamba-full-memory-ratio",
    "mamba-track-interval",
    "mamba-radix-cache-strategy|mamba-scheduler-strategy",
  ]),
  ...refuseFlags("one", "this engine reads text; it sets no bounds on media.", [
    "mm-process-config",
    "limit-mm-data-per-request",
  ]),
  ...noticeFlags("one", noVision, [
    "mm-feature-transport",
    "mm-processor-worker-num",
    "mm-io-worker-num",
  ]),
  ...noticeFlags("none", noVision, [
    "mm-enable-dp-encoder",
    "keep-mm-feature-on-device",
    "enable-prefix-mm-cache",
    "enable-mm-global-cache",
    "enable-broadcast-mm-inputs-process",
    "disable-fast-image-processor",
  ]),
  ...noticeFlags("one", noTier, ["hicache-host-memory-mode"]),
  ...noticeFlags("one", noMamba, [
    "mamba-max-states-per-path",
    "mamba-cache-philox-rounds",
    "int8-mamba-ckpt-size",
  ]),
  ...noticeFlags("none", noMamba, [
    "enable-mamba-cache-stochastic-rounding",
    "enable-int8-mamba-checkpoint",
  ]),
  ...noticeFlags("one", noVision, [
    "mm-preprocess-cache-size-mb",
    "image-processor-backend",
    "mm-global-cache-backend",
  ]),
  ...noticeFlags("none", noVision, [
    "trust-mm-content-hashes",
    "enable-precise-embedding-interpolation",
  ]),
];
