// What a router hears: of caches from workers, of requests from other routers. Names of Dynamo 1.6.1.
import type { MetricsRegistry } from "@dyn/metrics";

const prefix = "dynamo_component";
const labelNames = ["dynamo_namespace", "dynamo_component", "worker_id"];
const sequenceLabels = ["model", "routing_group", "worker_type"];
const targetLabels = ["target_namespace", "target_component", "target_endpoint"];

export type IntakeFamilies = ReturnType<typeof createIntakeFamilies>;

/** `overZmq`: the event plane is ZMQ, of which the reference has families of their own. */
export function createIntakeFamilies(registry: MetricsRegistry) {
  const family = (name: string, help: string, more: readonly string[]) => ({
    name: `${prefix}_${name}`,
    help,
    labelNames: [...labelNames, ...more],
  });
  const counter = (name: string, help: string, ...more: string[]) =>
    registry.counter(family(name, help, more));
  const gauge = (name: string, help: string, ...more: string[]) =>
    registry.gauge(family(name, help, more));
  return {
    events: counter(
      "kv_cache_events_applied",
      "KV events by what came of them.",
      "event_type",
      "status",
    ),
    warnings: counter(
      "kv_cache_event_warnings",
      "KV events that were applied and are odd: they store a block that their rank holds already.",
      "warning_kind",
    ),
    evictedGuesses: counter(
      "router_approximate_lru_evicted_blocks_total",
      "Blocks of prompts that were sent, forgotten for want of room.",
    ),
    guessEvictions: counter(
      "router_approximate_lru_eviction_batches_total",
      "Times that room was made for such blocks.",
    ),
    mismatched: gauge(
      "router_kv_event_source_mismatch_workers",
      "Ranks whose KV events are missing or cannot be used.",
      ...["model", "worker_type", ...targetLabels],
    ),
    sequenceBacklog: gauge(
      "router_active_sequence_ingress_queue_depth",
      "Messages on requests of other routers, and of workers, that have come and were not read.",
      ...sequenceLabels,
    ),
    sequenceEvents: counter(
      "router_active_sequence_ingress_events_applied_total",
      "What such messages said, and was entered in the books.",
      ...sequenceLabels,
    ),
    sequenceBatches: counter(
      "router_active_sequence_ingress_drain_batches_total",
      "Such messages that were read.",
      ...sequenceLabels,
    ),
  };
}

export type ZmqIntakeFamilies = ReturnType<typeof createZmqIntakeFamilies>;

/** Of routers whose event plane is ZMQ. */
export function createZmqIntakeFamilies(registry: MetricsRegistry) {
  const family = (name: string, help: string, more: readonly string[]) => ({
    name: `${prefix}_router_${name}`,
    help,
    labelNames: [...labelNames, ...more],
  });
  const counter = (name: string, help: string, ...more: string[]) =>
    registry.counter(family(name, help, more));
  return {
    sources: registry.gauge(
      family(
        "kv_zmq_ingress_sources",
        "Ranks whose events come by ZMQ; preconnected: they are held until the rank has told what it has.",
        ["state"],
      ),
    ),
    batches: counter("kv_zmq_ingress_batches_total", "Messages with KV events of a known rank."),
    lifecycle: counter(
      "kv_zmq_ingress_lifecycle_total",
      "Ranks that began to tell, were caught up with, and left.",
      "action",
    ),
    gaps: counter(
      "active_sequence_zmq_ingress_sequence_gaps_total",
      "Messages on requests that a publisher numbered and that did not come.",
    ),
    dropped: counter(
      "active_sequence_zmq_ingress_dropped_events_total",
      "Messages on requests that came faster than they were read.",
    ),
    badEnvelopes: counter(
      "active_sequence_zmq_ingress_envelope_decode_errors_total",
      "Messages on requests that were none, or of a publisher that discovery does not name.",
    ),
    badPayloads: counter(
      "active_sequence_zmq_ingress_payload_decode_errors_total",
      "Messages on requests whose content cannot be read.",
    ),
  };
}
