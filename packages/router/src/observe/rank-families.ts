// Load by rank and the queue before the ranks, under the frontend's names of Dynamo 1.6.1.
import type { MetricsRegistry } from "@dyn/metrics";

const prefix = "dynamo_frontend";
const queueLabels = ["model", "policy_class", "worker_type"];

export type RankFamilies = ReturnType<typeof createRankFamilies>;

export function createRankFamilies(registry: MetricsRegistry) {
  const rank = (name: string, help: string) =>
    registry.gauge({
      name: `${prefix}_worker_${name}`,
      help,
      labelNames: ["worker_id", "dp_rank", "worker_type"],
    });
  const queue = (name: string, help: string, more: readonly string[] = []) => ({
    name: `${prefix}_router_${name}`,
    help,
    labelNames: [...queueLabels, ...more],
  });
  return {
    blocks: rank("active_decode_blocks", "Distinct blocks of the requests that run at a rank."),
    prefillTokens: rank(
      "active_prefill_tokens",
      "Prompt tokens that wait for their prefill at a rank or are in it.",
    ),
    lastFirstToken: rank(
      "last_time_to_first_token_seconds",
      "Of the last answer of a rank that began.",
    ),
    lastInputTokens: rank(
      "last_input_sequence_tokens",
      "Prompt of the last answer of a rank that began.",
    ),
    lastInterToken: rank("last_inter_token_latency_seconds", "Before the last token of a rank."),
    queuedRequests: registry.gauge(
      queue("queue_pending_requests", "Requests that wait in the router."),
    ),
    queuedTokens: registry.gauge(queue("queue_pending_isl_tokens", "Their prompt tokens.")),
    queuedCachedTokens: registry.gauge(
      queue("queue_pending_cached_tokens", "Of these, tokens that some worker had cached."),
    ),
    received: registry.counter(
      queue(
        "admission_received_total",
        "Requests that came to the router, each time that they did.",
      ),
    ),
    backpressure: registry.counter(
      queue("queue_backpressure_total", "Requests that a full queue refused.", ["reason"]),
    ),
  };
}
