import type { MetricsRegistry } from "@dyn/metrics";

const labelNames = ["dynamo_namespace", "dynamo_component", "model"];
const prefix = "dynamo_component_router";
const frontend = "dynamo_frontend";
const workerLabels = ["worker_id", "dp_rank", "worker_type"];
const queueLabels = ["model", "policy_class", "worker_type"];
const shares = Array.from({ length: 21 }, (_, i) => i / 20);
const doubling = (first: number, count: number, factor: number) =>
  Array.from({ length: count }, (_, i) => first * factor ** i);
const tokens = doubling(64, 12, 2);

type Counter = ReturnType<MetricsRegistry["counter"]>;
type Gauge = ReturnType<MetricsRegistry["gauge"]>;
type Histogram = ReturnType<MetricsRegistry["histogram"]>;

export interface RouterFamilies {
  readonly started: Counter;
  readonly events: Counter;
  readonly requests: Counter;
  readonly timeToFirstToken: Histogram;
  readonly interToken: Histogram;
  readonly inputTokens: Histogram;
  readonly reusedTokens: Counter;
  readonly registered: Gauge;
  readonly mismatched: Gauge;
  readonly workerBlocks: Gauge;
  readonly workerPrefill: Gauge;
  readonly lastFirstToken: Gauge;
  readonly lastInputTokens: Gauge;
  readonly lastInterToken: Gauge;
  readonly queuedRequests: Gauge;
  readonly queuedTokens: Gauge;
  readonly backpressure: Counter;
  readonly outputTokens: Histogram;
  readonly hitRate: Histogram;
  readonly notBest: Counter;
  readonly overlapLost: Counter;
  readonly bestTokens: Counter;
  readonly selectedTokens: Counter;
  readonly hashing: Histogram;
  readonly finding: Histogram;
  readonly scheduling: Histogram;
  readonly total: Histogram;
  readonly ties: Counter;
  readonly reasons: Counter;
  readonly bounded: Counter;
  readonly indexBlocks: Gauge;
  readonly indexBytes: Gauge;
  readonly active: Gauge;
  readonly queueDepth: Gauge;
  readonly sources: Gauge;
  readonly problems: Gauge;
}

export function createRouterFamilies(registry: MetricsRegistry): RouterFamilies {
  const counter = (name: string, help: string, more: readonly string[] = []) =>
    registry.counter({ name, help, labelNames: [...labelNames, ...more] });
  const gauge = (name: string, help: string, more: readonly string[] = []) =>
    registry.gauge({ name, help, labelNames: [...labelNames, ...more] });
  const histogram = (name: string, help: string, buckets: readonly number[]) =>
    registry.histogram({ name, help, buckets, labelNames });
  const overhead = (name: string, help: string, buckets: readonly number[]) =>
    registry.histogram({ name: `dynamo_router_overhead_${name}_ms`, help, buckets });
  const worker = (name: string, help: string) =>
    registry.gauge({ name: `${frontend}_${name}`, help, labelNames: workerLabels });
  const queue = (name: string, help: string) =>
    registry.gauge({
      name: `${frontend}_router_queue_pending_${name}`,
      help,
      labelNames: queueLabels,
    });
  return {
    started: counter(`${prefix}_requests_started_total`, "Requests that were routed."),
    requests: counter(`${prefix}_requests_total`, "Routed requests that are over."),
    timeToFirstToken: histogram(
      `${prefix}_time_to_first_token_seconds`,
      "From routing to the first token.",
      doubling(0.001, 18, 2),
    ),
    interToken: histogram(
      `${prefix}_inter_token_latency_seconds`,
      "Between tokens of an answer.",
      [0, 0.0019, 0.0036, 0.0068, 0.013, 0.024, 0.046, 0.087, 0.16, 0.31, 0.59, 1.1, 2],
    ),
    reusedTokens: counter(
      `${prefix}_kv_worker_reused_tokens_total`,
      "Prompt tokens that workers found in their caches, by their own word.",
    ),
    registered: gauge(`${prefix}_worker_registered`, "1 for each rank that requests may go to.", [
      "router_worker_id",
      "dp_rank",
      "worker_type",
    ]),
    mismatched: gauge(
      "dynamo_component_router_kv_event_source_mismatch_workers",
      "Ranks whose KV events are missing or cannot be used.",
    ),
    workerBlocks: worker(
      "worker_active_decode_blocks",
      "Distinct blocks of the requests that run at a rank.",
    ),
    workerPrefill: worker(
      "worker_active_prefill_tokens",
      "Prompt tokens that wait for their prefill at a rank or are in it.",
    ),
    lastFirstToken: worker(
      "worker_last_time_to_first_token_seconds",
      "Of the last answer of a rank that began.",
    ),
    lastInputTokens: worker(
      "worker_last_input_sequence_tokens",
      "Prompt of the last answer of a rank that began.",
    ),
    lastInterToken: worker(
      "worker_last_inter_token_latency_seconds",
      "Before the last token of a rank.",
    ),
    queuedRequests: queue("requests", "Requests that wait in the router."),
    queuedTokens: queue("isl_tokens", "Their prompt tokens."),
    backpressure: registry.counter({
      name: `${frontend}_router_queue_backpressure_total`,
      help: "Requests that a full queue refused.",
      labelNames: [...queueLabels, "reason"],
    }),
    inputTokens: histogram(`${prefix}_input_sequence_tokens`, "Tokens of prompts.", tokens),
    outputTokens: histogram(`${prefix}_output_sequence_tokens`, "Tokens of answers.", tokens),
    hitRate: histogram(
      `${prefix}_kv_hit_rate`,
      "Share of a prompt's blocks that the chosen worker has.",
      shares,
    ),
    notBest: counter(
      `${prefix}_non_max_overlap_selections_total`,
      "Requests that went to a worker with less of the prompt than another one had.",
    ),
    overlapLost: counter(`${prefix}_overlap_blocks_lost`, "Blocks that the other one had more."),
    bestTokens: counter(
      `${prefix}_kv_best_eligible_cached_prefix_tokens_total`,
      "Prompt tokens cached at the worker that had most of them.",
    ),
    selectedTokens: counter(
      `${prefix}_kv_selected_cached_prefix_tokens_total`,
      "Prompt tokens cached at the chosen worker.",
    ),
    events: registry.counter({
      name: "dynamo_component_kv_cache_events_applied",
      help: "KV events by what came of them.",
      labelNames: ["event_type", "status"],
    }),
    hashing: overhead("block_hashing", "Hashing a prompt.", doubling(0.001, 15, 2)),
    finding: overhead("indexer_find_matches", "Searching the index.", doubling(0.01, 10, 3)),
    scheduling: overhead("scheduling", "Weighing the workers.", doubling(0.01, 10, 3)),
    total: overhead("total", "All of a decision.", doubling(0.01, 10, 3)),
    ties: counter("dyn_router_ties_total", "Decisions that were drawn among equals."),
    reasons: counter("dyn_router_decisions_total", "Decisions by reason.", ["reason"]),
    bounded: counter(
      "dyn_router_bounded_total",
      "Decisions in which a worker was left out for having too large a share of the requests.",
    ),
    indexBlocks: gauge("dyn_router_index_blocks", "Blocks in the index."),
    indexBytes: gauge("dyn_router_index_bytes", "Memory of the index."),
    active: gauge("dyn_router_active_requests", "Requests that run, as far as this router knows."),
    queueDepth: gauge("dyn_router_queue_depth", "Requests that wait in the router."),
    sources: gauge("dyn_router_event_sources", "Ranks whose KV events are followed."),
    problems: gauge(
      "dyn_router_worker_problems",
      "Ranks whose cache the router cannot know, by what is wrong.",
      ["kind"],
    ),
  };
}
