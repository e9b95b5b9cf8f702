// The names of SGLang 0.5.21 as far as the engine has something to say, and our own page gauges.
import type { Counter, Gauge } from "prom-client";
import type { MetricsRegistry } from "../registry/metrics-registry.ts";
import type { EngineMetricsLike } from "./engine-metrics-like.ts";

/** What one rendering shows: the snapshot, what changed since the one before, and the constants. */
export interface EngineReading {
  readonly now: EngineMetricsLike;
  readonly pageSize: number;
  readonly contextLength: number | undefined;
  readonly weightBytes: number | undefined;
  readonly kvBytesPerToken: number | undefined;
  /** Share of prompt tokens from the cache since the rendering before that saw any. */
  readonly cacheHitRate: number;
  /** Since the rendering before. */
  readonly retracted: number;
}

interface Family {
  readonly name: string;
  readonly help: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: (reading: EngineReading) => number | undefined;
}

const tokens = (pages: number, { pageSize }: EngineReading) => pages * pageSize;
/** A worker's answers always travel as they grow. */
const streaming = { is_streaming: "true" };
const share = (part: number, whole: number) => (whole === 0 ? 0 : part / whole);

export const engineGauges: readonly Family[] = [
  {
    name: "sglang:num_running_reqs",
    help: "Running requests",
    value: (r) => r.now.runningRequests,
  },
  { name: "sglang:num_queue_reqs", help: "Waiting requests", value: (r) => r.now.waitingRequests },
  {
    name: "sglang:num_used_tokens",
    help: "Tokens of KV held by requests",
    value: (r) => tokens(r.now.pagesUsed, r),
  },
  {
    name: "sglang:kv_used_tokens",
    help: "Tokens of KV held by requests",
    value: (r) => tokens(r.now.pagesUsed, r),
  },
  {
    name: "sglang:kv_available_tokens",
    help: "Tokens of KV that are free",
    value: (r) => tokens(r.now.pagesFree, r),
  },
  {
    name: "sglang:kv_evictable_tokens",
    help: "Tokens of KV held by the cache alone",
    value: (r) => tokens(r.now.pagesCached, r),
  },
  {
    name: "sglang:token_usage",
    help: "Share of the KV pool held by requests",
    value: (r) => share(r.now.pagesUsed, r.now.pagesTotal),
  },
  {
    name: "sglang:full_token_usage",
    help: "The same of layers that attend to everything: all of them",
    value: (r) => share(r.now.pagesUsed, r.now.pagesTotal),
  },
  {
    name: "sglang:weight_memory_usage_gb",
    help: "Weights, in 10^9 bytes",
    value: (r) => (r.weightBytes === undefined ? undefined : r.weightBytes / 1e9),
  },
  {
    name: "sglang:kv_cache_memory_usage_gb",
    help: "The KV pool, in 10^9 bytes",
    value: (r) =>
      r.kvBytesPerToken === undefined
        ? undefined
        : (tokens(r.now.pagesTotal, r) * r.kvBytesPerToken) / 1e9,
  },
  {
    name: "sglang:cache_hit_rate",
    help: "Share of prompt tokens from the cache, last window",
    value: (r) => r.cacheHitRate,
  },
  {
    name: "sglang:gen_throughput",
    help: "Generated tokens per second",
    value: (r) => r.now.generationThroughput,
  },
  {
    name: "sglang:num_retracted_reqs",
    help: "Requests sent back to the queue, last window",
    value: (r) => r.retracted,
  },
  {
    name: "sglang:max_total_num_tokens",
    help: "Tokens of KV in all",
    value: (r) => tokens(r.now.pagesTotal, r),
  },
  { name: "sglang:page_size", help: "Tokens per page", value: (r) => r.pageSize },
  { name: "sglang:num_pages", help: "Pages in all", value: (r) => r.now.pagesTotal },
  {
    name: "sglang:context_len",
    help: "Prompt and answer together, in tokens",
    value: (r) => r.contextLength,
  },
  ...(["free", "cached", "used"] as const).map((state) => ({
    name: "dyn_engine_pages",
    help: "Pages by who holds them: nobody, the cache alone, requests",
    labels: { state },
    value: ({ now }: EngineReading) =>
      ({ free: now.pagesFree, cached: now.pagesCached, used: now.pagesUsed })[state],
  })),
];

export const engineCounters: readonly Family[] = [
  {
    name: "sglang:prompt_tokens_total",
    help: "Prompt tokens",
    labels: streaming,
    value: (r) => r.now.promptTokens,
  },
  {
    name: "sglang:generation_tokens_total",
    help: "Generated tokens",
    labels: streaming,
    value: (r) => r.now.generatedTokens,
  },
  {
    name: "sglang:cached_tokens_total",
    help: "Prompt tokens from a cache",
    labels: { cache_source: "device" },
    value: (r) => r.now.cachedTokens,
  },
  {
    name: "sglang:num_requests_total",
    help: "Requests that finished",
    labels: streaming,
    value: (r) => r.now.finishedRequests,
  },
  {
    name: "sglang:num_aborted_requests_total",
    help: "Requests that were aborted",
    value: (r) => r.now.abortedRequests,
  },
  {
    name: "sglang:num_retracted_requests_total",
    help: "Times a request was sent back to the queue",
    value: (r) => r.now.retractions,
  },
  {
    name: "sglang:realtime_tokens_total",
    help: "Tokens by how they were processed",
    labels: { mode: "prefill_compute" },
    value: (r) => r.now.promptTokens - r.now.cachedTokens,
  },
  {
    name: "sglang:realtime_tokens_total",
    help: "Tokens by how they were processed",
    labels: { mode: "prefill_cache" },
    value: (r) => r.now.cachedTokens,
  },
  {
    name: "sglang:realtime_tokens_total",
    help: "Tokens by how they were processed",
    labels: { mode: "decode" },
    value: (r) => r.now.generatedTokens,
  },
  ...(["prefill", "decode"] as const).map((kind) => ({
    name: "dyn_engine_steps_total",
    help: "Steps of the model",
    labels: { kind },
    value: ({ now }: EngineReading) => (kind === "prefill" ? now.prefillSteps : now.decodeSteps),
  })),
];

export interface EngineFamilies {
  /** Of every series. */
  readonly labelNames: readonly string[];
  readonly gauges: ReadonlyMap<string, Gauge>;
  readonly counters: ReadonlyMap<string, Counter>;
}

export function createEngineFamilies(
  registry: MetricsRegistry,
  labelNames: readonly string[],
): EngineFamilies {
  const options = (family: Family) => ({
    name: family.name,
    help: family.help,
    labelNames: [...labelNames, ...Object.keys(family.labels ?? {})],
  });
  const gauges = new Map<string, Gauge>();
  const counters = new Map<string, Counter>();
  for (const family of engineGauges) {
    if (!gauges.has(family.name)) gauges.set(family.name, registry.gauge(options(family)));
  }
  for (const family of engineCounters) {
    if (!counters.has(family.name)) counters.set(family.name, registry.counter(options(family)));
  }
  return { labelNames, gauges, counters };
}
