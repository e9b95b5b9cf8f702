// Names, labels and bounds of Dynamo 1.6.1's router, and ours (dyn_router_*). Nothing here counts.
import type { MetricsRegistry } from "@dyn/metrics";

const prefix = "dynamo_component_router";
/** `worker_id`: of the process that routes, hex; `router_id`: the same, decimal. */
const labelNames = ["dynamo_namespace", "dynamo_component", "worker_id", "router_id", "model"];
const shares = Array.from({ length: 21 }, (_, i) => i / 20);
const firstTokenSeconds = [
  ...[0, 0.0022, 0.0047, 0.01, 0.022, 0.047, 0.1, 0.22, 0.47, 1, 2.2, 4.7, 10, 22, 48, 100, 220],
  480,
];
const stepSeconds = [
  0, 0.0019, 0.0035, 0.0067, 0.013, 0.024, 0.045, 0.084, 0.16, 0.3, 0.56, 1.1, 2,
];
const promptTokens = [0, 100, 210, 430, 870, 1800, 3600, 7400, 15000, 31000, 63000, 130000];
const answerTokens = [0, 100, 210, 430, 880, 1800, 3700, 7600, 16000, 32000];
const handOverSeconds = [
  ...[0, 0.0019, 0.0037, 0.0072, 0.014, 0.027, 0.052, 0.1, 0.19, 0.37, 0.72, 1.4, 2.7, 5.2, 10],
];
const lostBlocks = Array.from({ length: 16 }, (_, i) => 2 ** (i - 2));

export type RouterFamilies = ReturnType<typeof createRouterFamilies>;

export function createRouterFamilies(registry: MetricsRegistry) {
  const named = (name: string) => (name.startsWith("dyn_") ? name : `${prefix}_${name}`);
  const counter = (name: string, help: string, ...more: string[]) =>
    registry.counter({ name: named(name), help, labelNames: [...labelNames, ...more] });
  const gauge = (name: string, help: string, ...more: string[]) =>
    registry.gauge({ name: named(name), help, labelNames: [...labelNames, ...more] });
  const histogram = (name: string, help: string, buckets: readonly number[], ...more: string[]) =>
    registry.histogram({ name: named(name), help, buckets, labelNames: [...labelNames, ...more] });
  return {
    started: counter("requests_started_total", "Requests that were routed."),
    requests: counter("requests_total", "Routed requests that are over."),
    timeToFirstToken: histogram(
      "time_to_first_token_seconds",
      "From routing to the first token.",
      firstTokenSeconds,
    ),
    interToken: histogram(
      "inter_token_latency_seconds",
      "Between tokens of an answer.",
      stepSeconds,
    ),
    inputTokens: histogram("input_sequence_tokens", "Tokens of prompts.", promptTokens, "phase"),
    outputTokens: histogram("output_sequence_tokens", "Tokens of answers.", answerTokens),
    hitRate: histogram(
      "kv_hit_rate",
      "Share of a prompt's blocks that the chosen worker has.",
      shares,
    ),
    handOver: histogram(
      "kv_transfer_estimated_latency_seconds",
      "From the end of a prefill until the decode worker's first token: the most that the KV was on its way.",
      handOverSeconds,
    ),
    notBest: counter(
      "non_max_overlap_selections_total",
      "Prompts that went to a worker with less of them than another one had.",
      "worker_type",
    ),
    overlapLost: histogram(
      "overlap_blocks_lost",
      "Blocks that the other one had more, of prompts that went to a worker with less.",
      lostBlocks,
      "worker_type",
    ),
    bestTokens: counter(
      "kv_best_eligible_cached_prefix_tokens_total",
      "Prompt tokens cached at the worker that had most of them.",
      "phase",
    ),
    selectedTokens: counter(
      "kv_selected_cached_prefix_tokens_total",
      "Prompt tokens cached at the chosen worker.",
      "phase",
    ),
    reusedTokens: counter(
      "kv_worker_reused_tokens_total",
      "Prompt tokens that workers found in their caches, by their own word.",
      "phase",
    ),
    registered: gauge(
      "worker_registered",
      "1 for each rank that requests may go to.",
      "router_worker_id",
      "dp_rank",
      "worker_type",
    ),
    remoteFailures: counter(
      "remote_indexer_query_failures_total",
      "Questions to a remote index that were not answered.",
    ),
    configuredGuesses: gauge(
      "approximate_cache_configured_policy",
      "1 for how prompts that were sent are believed to be kept, as the flags say.",
      "policy",
    ),
    guesses: gauge(
      "approximate_cache_effective_policy",
      "1 for how prompts that were sent are believed to be kept; disabled: events alone are believed.",
      "policy",
    ),
    ties: counter("dyn_router_ties_total", "Decisions that were drawn among equals."),
    reasons: counter("dyn_router_decisions_total", "Decisions by reason.", "reason"),
    bounded: counter(
      "dyn_router_bounded_total",
      "Decisions in which a worker was left out for having too large a share of the requests.",
    ),
    indexBlocks: gauge("dyn_router_index_blocks", "Blocks in the index."),
    indexBytes: gauge("dyn_router_index_bytes", "Memory of the index."),
    indexLimitBytes: gauge(
      "dyn_router_index_limit_bytes",
      "Memory of the index at which old blocks make room for new ones.",
    ),
    evictedBlocks: counter(
      "dyn_router_index_evicted_blocks_total",
      "Blocks that made room for others: their workers still have them, and the index knows less.",
    ),
    auditedRequests: counter(
      "dyn_router_audited_requests_total",
      "Answers whose cached tokens were compared with what the worker's events had promised.",
    ),
    promisedTokens: counter(
      "dyn_router_audit_promised_tokens_total",
      "Prompt tokens of these that were promised.",
    ),
    foundTokens: counter(
      "dyn_router_audit_cached_tokens_total",
      "Prompt tokens of these that the workers found in their caches.",
    ),
    driftTokens: counter(
      "dyn_router_audit_drift_tokens_total",
      "Differences of more than a block: over, promised and not found; under, found and not promised.",
      "direction",
    ),
    active: gauge("dyn_router_active_requests", "Requests that run, as far as this router knows."),
    queueDepth: gauge("dyn_router_queue_depth", "Requests that wait in the router."),
    sources: gauge("dyn_router_event_sources", "Ranks whose KV events are followed."),
    problems: gauge(
      "dyn_router_worker_problems",
      "Ranks whose cache the router cannot know, by what is wrong.",
      "kind",
    ),
  };
}
