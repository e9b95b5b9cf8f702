// The frontend's families of Dynamo 1.6.1, written down from what it prints.
interface Family {
  readonly name: string;
  readonly type: "counter" | "gauge" | "histogram";
  readonly labels: readonly string[];
  readonly buckets?: readonly number[];
}

const input = [0, 100, 210, 430, 870, 1800, 3600, 7400, 15000, 31000, 63000, 130000];
const request = ["model", "endpoint", "request_type"];
const gauges = (...names: string[]): Family[] =>
  names.map((name) => ({ name, type: "gauge", labels: ["model"] }));
const histogram = (name: string, labels: string[], buckets: number[]): Family => ({
  name,
  type: "histogram",
  labels,
  buckets,
});

export const frontendFamilies: readonly Family[] = [
  { name: "requests_total", type: "counter", labels: [...request, "status", "error_type"] },
  { name: "requests_started_total", type: "counter", labels: request },
  { name: "failures_total", type: "counter", labels: ["class", "reason"] },
  ...gauges("active_requests", "inflight_requests", "queued_requests"),
  { name: "stage_requests", type: "gauge", labels: ["stage", "phase"] },
  histogram(
    "stage_duration_seconds",
    ["stage"],
    [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 2.5, 5],
  ),
  { name: "disconnected_clients", type: "gauge", labels: [] },
  { name: "model_cancellation_total", type: "counter", labels: request },
  { name: "model_migration_total", type: "counter", labels: ["model", "migration_type"] },
  { name: "model_migration_max_seq_len_exceeded_total", type: "counter", labels: ["model"] },
  { name: "model_rejection_total", type: "counter", labels: ["model", "endpoint"] },
  histogram("request_duration_seconds", ["model"], [0, 2, 4, 8, 16, 32, 64, 130, 260, 510]),
  histogram("input_sequence_tokens", ["model"], input),
  histogram("cached_tokens", ["model"], input),
  histogram(
    "output_sequence_tokens",
    ["model"],
    [0, 100, 210, 430, 880, 1800, 3700, 7600, 16000, 32000],
  ),
  { name: "output_tokens_total", type: "counter", labels: ["model"] },
  histogram(
    "time_to_first_token_seconds",
    ["model"],
    [
      0, 0.0022, 0.0047, 0.01, 0.022, 0.047, 0.1, 0.22, 0.47, 1, 2.2, 4.7, 10, 22, 48, 100, 220,
      480,
    ],
  ),
  histogram(
    "inter_token_latency_seconds",
    ["model"],
    [
      0, 0.0018, 0.0033, 0.0059, 0.011, 0.02, 0.035, 0.064, 0.12, 0.21, 0.38, 0.69, 1.2, 2.3, 4.1,
      7.4, 13, 24, 44, 80,
    ],
  ),
  histogram("tokenize_seconds", [], [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1]),
  histogram("template_seconds", [], [0.00001, 0.00005, 0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05]),
  histogram("tokenizer_latency_ms", ["operation"], [0.5, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512]),
  { name: "tokenizer_cache_hits_total", type: "counter", labels: [] },
  { name: "tokenizer_cache_misses_total", type: "counter", labels: [] },
  { name: "tokenizer_cache_cached_tokens_total", type: "counter", labels: ["model"] },
  { name: "tokenizer_cache_uncached_tokens_total", type: "counter", labels: ["model"] },
  // Ours: the reference does not say how full its cache is.
  ...gauges("tokenizer_cache_bytes"),
  { name: "detokenize_total_us", type: "counter", labels: [] },
  { name: "detokenize_token_count", type: "counter", labels: [] },
  ...gauges(
    "model_ready",
    "model_context_length",
    "model_kv_cache_block_size",
    "model_total_kv_blocks",
    "model_max_num_seqs",
    "model_max_num_batched_tokens",
    "model_migration_limit",
  ),
];
