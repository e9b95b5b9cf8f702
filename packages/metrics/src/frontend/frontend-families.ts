// The names, labels and bounds of Dynamo 1.6.1's frontend. Nothing here counts.
import { type LogSpacing, logSpacedBuckets } from "../registry/log-spaced-buckets.ts";
import type { MetricsRegistry } from "../registry/metrics-registry.ts";

/** Bounds that an operator may change. */
export interface FrontendBuckets {
  readonly requestDuration: LogSpacing;
  readonly inputSequence: LogSpacing;
  readonly outputSequence: LogSpacing;
  readonly timeToFirstToken: LogSpacing;
  readonly interTokenLatency: LogSpacing;
}

export const defaultFrontendBuckets: FrontendBuckets = {
  requestDuration: { min: 1, max: 512, count: 10 },
  inputSequence: { min: 50, max: 128_000, count: 12 },
  outputSequence: { min: 50, max: 32_000, count: 10 },
  timeToFirstToken: { min: 0.001, max: 480, count: 18 },
  interTokenLatency: { min: 0.001, max: 80, count: 20 },
};

const stageBounds = [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 2.5, 5];
const tokenizeBounds = [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1];
const templateBounds = [0.00001, 0.00005, 0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05];
const tokenizerBounds = [0.5, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512];

export type FrontendFamilies = ReturnType<typeof createFrontendFamilies>;

/** `prefix` comes without the underscore that follows it. */
export function createFrontendFamilies(
  registry: MetricsRegistry,
  prefix: string,
  bounds: FrontendBuckets,
) {
  const family = (name: string, help: string, labelNames: string[]) => ({
    name: `${prefix}_${name}`,
    help,
    labelNames,
  });
  const counter = (name: string, help: string, ...labels: string[]) =>
    registry.counter(family(name, help, labels));
  const gauge = (name: string, help: string, ...labels: string[]) =>
    registry.gauge(family(name, help, labels));
  // What every request changes.
  const total = (name: string, help: string, ...labels: string[]) =>
    registry.totals(family(name, help, labels));
  const level = (name: string, help: string, ...labels: string[]) =>
    registry.levels(family(name, help, labels));
  /** Of which every process of a frontend knows the same. */
  const fact = (name: string, help: string, ...labels: string[]) =>
    registry.gauge({ ...family(name, help, labels), merge: "max" });
  const histogram = (name: string, help: string, buckets: readonly number[], ...labels: string[]) =>
    registry.weightedHistogram({ ...family(name, help, labels), buckets, showsEmpty: false });
  const spaced = (name: string, help: string, spacing: LogSpacing) =>
    histogram(name, help, logSpacedBuckets(spacing), "model");
  const request = ["model", "endpoint", "request_type"];

  return {
    requests: total(
      "requests_total",
      "Requests that ended, by outcome",
      ...request,
      "status",
      "error_type",
    ),
    requestsStarted: total("requests_started_total", "Requests that began", ...request),
    failures: counter("failures_total", "Failures by class and reason", "class", "reason"),
    activeRequests: level("active_requests", "Requests that are open", "model"),
    inflightRequests: level("inflight_requests", "Requests that are open", "model"),
    queuedRequests: level("queued_requests", "Open requests without a first token", "model"),
    stageRequests: level("stage_requests", "Requests in each stage", "stage", "phase"),
    stageDuration: histogram(
      "stage_duration_seconds",
      "Time spent in each stage",
      stageBounds,
      "stage",
    ),
    disconnectedClients: gauge(
      "disconnected_clients",
      "Clients that left before their answer ended",
    ),
    cancellations: counter("model_cancellation_total", "Requests that were cancelled", ...request),
    migrations: counter(
      "model_migration_total",
      "Requests that went on at another worker",
      "model",
      "migration_type",
    ),
    tooLongToMigrate: counter(
      "model_migration_max_seq_len_exceeded_total",
      "Requests that became too long to go on elsewhere",
      "model",
    ),
    rejections: counter(
      "model_rejection_total",
      "Requests refused because all workers were busy",
      "model",
      "endpoint",
    ),
    requestDuration: spaced(
      "request_duration_seconds",
      "Time from a request's start to its end",
      bounds.requestDuration,
    ),
    inputTokens: spaced("input_sequence_tokens", "Prompt tokens per request", bounds.inputSequence),
    cachedTokens: spaced(
      "cached_tokens",
      "Prompt tokens per request that came from a cache",
      bounds.inputSequence,
    ),
    outputTokens: spaced(
      "output_sequence_tokens",
      "Produced tokens per request",
      bounds.outputSequence,
    ),
    outputTokensTotal: total("output_tokens_total", "Tokens produced", "model"),
    timeToFirstToken: spaced(
      "time_to_first_token_seconds",
      "Time from a request's start to its first token",
      bounds.timeToFirstToken,
    ),
    interTokenLatency: spaced(
      "inter_token_latency_seconds",
      "Time between two tokens of one request",
      bounds.interTokenLatency,
    ),
    tokenize: histogram("tokenize_seconds", "Time to tokenize one prompt", tokenizeBounds),
    template: histogram("template_seconds", "Time to render one chat template", templateBounds),
    tokenizerLatency: histogram(
      "tokenizer_latency_ms",
      "Time of tokenizer operations in milliseconds",
      tokenizerBounds,
      "operation",
    ),
    tokenizerCacheHits: total(
      "tokenizer_cache_hits_total",
      "Prompts of which the tokenizer cache had a part",
    ),
    tokenizerCacheMisses: total(
      "tokenizer_cache_misses_total",
      "Prompts of which the tokenizer cache had nothing",
    ),
    tokenizerCachedTokens: total(
      "tokenizer_cache_cached_tokens_total",
      "Prompt tokens that the tokenizer cache had",
      "model",
    ),
    tokenizerUncachedTokens: total(
      "tokenizer_cache_uncached_tokens_total",
      "Prompt tokens that the tokenizer cache had not",
      "model",
    ),
    tokenizerCacheBytes: gauge(
      "tokenizer_cache_bytes",
      "Bytes that the tokenizer cache holds",
      "model",
    ),
    detokenizeMicroseconds: total("detokenize_total_us", "Time spent detokenizing"),
    detokenizedTokens: total("detokenize_token_count", "Tokens detokenized"),
    modelReady: fact("model_ready", "1 while the model can be served", "model"),
    modelContextLength: fact("model_context_length", "Prompt and answer in tokens", "model"),
    modelBlockSize: fact("model_kv_cache_block_size", "Tokens per KV block", "model"),
    modelTotalBlocks: fact("model_total_kv_blocks", "KV blocks of one worker", "model"),
    modelMaxSequences: fact("model_max_num_seqs", "Requests that one worker runs at once", "model"),
    modelMaxBatchedTokens: fact("model_max_num_batched_tokens", "Tokens per step", "model"),
    modelMigrationLimit: fact("model_migration_limit", "Times a request may move", "model"),
  };
}
