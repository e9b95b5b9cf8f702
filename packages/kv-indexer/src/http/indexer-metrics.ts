import type { ApplyOutcome } from "@dyn/kv-events";
import type { MetricsRegistry } from "@dyn/metrics";
import type { KvIndexer } from "../engines/kv-indexer.ts";

const prefix = "dynamo_kvindexer";
/** Dynamo's words for outcomes. */
const outcomes: Readonly<Record<ApplyOutcome, string>> = {
  applied: "ok",
  unknownParent: "parent_block_not_found",
  unknownBlocks: "block_not_found",
  full: "capacity_exhausted",
};
const statuses = ["active", "failed", "paused", "pending"] as const;

export interface IndexerMetrics {
  answered(endpoint: string, status: number, seconds: number): void;
}

export function createIndexerMetrics(
  registry: MetricsRegistry,
  indexer: KvIndexer,
): IndexerMetrics {
  const errors = registry.counter({
    name: `${prefix}_errors_total`,
    help: "Answers with a status from 400 on.",
    labelNames: ["endpoint", "status_class"],
  });
  const durations = registry.histogram({
    name: `${prefix}_request_duration_seconds`,
    help: "From a request's head to its answer.",
    labelNames: ["endpoint"],
    buckets: [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1],
  });
  const requests = registry.counter({
    name: `${prefix}_requests_total`,
    help: "Requests that were answered.",
    labelNames: ["endpoint", "method"],
  });
  const models = registry.gauge({
    name: `${prefix}_models`,
    help: "Indexes: one for each model and routing group.",
  });
  const workers = registry.gauge({ name: `${prefix}_workers`, help: "Engines that are followed." });
  const listeners = registry.gauge({
    name: `${prefix}_listeners`,
    help: "Event sockets that are followed, by what became of them.",
    labelNames: ["status"],
  });
  const events = registry.counter({
    name: "dynamo_kvrouter_kv_cache_events_applied",
    help: "KV events by what came of them.",
    labelNames: ["event_type", "status"],
  });
  const warnings = registry.counter({
    name: "dynamo_kvrouter_kv_cache_event_warnings",
    help: "KV events that were applied and are odd: they store a block that their rank holds already.",
    labelNames: ["warning_kind"],
  });
  const blocks = registry.gauge({ name: "dyn_indexer_blocks", help: "Blocks in all indexes." });
  const bytes = registry.gauge({ name: "dyn_indexer_bytes", help: "Memory of all indexes." });
  const evicted = registry.counter({
    name: "dyn_indexer_evicted_blocks_total",
    help: "Blocks that made room for others: their engines still have them, and the index knows less.",
  });
  const shown = new Map<string, number>();
  let before = indexer.indexTotals;
  for (const event_type of ["stored", "removed", "cleared"]) {
    for (const status of Object.values(outcomes)) events.inc({ event_type, status }, 0);
  }
  registry.onRender(() => {
    for (const { eventType, outcome, count } of indexer.eventCounts) {
      const key = `${eventType}:${outcome}`;
      const labels = { event_type: eventType, status: outcomes[outcome] };
      events.inc(labels, count - (shown.get(key) ?? 0));
      shown.set(key, count);
    }
    const totals = indexer.indexTotals;
    const repeatedCount = totals.repeatedStores - before.repeatedStores;
    warnings.inc({ warning_kind: "duplicate_store" }, repeatedCount);
    evicted.inc({}, totals.evictedBlocks - before.evictedBlocks);
    before = totals;
    blocks.set(totals.blockCount);
    bytes.set(totals.sizeBytes);
    const known = indexer.workers();
    const all = known.flatMap((worker) => worker.listeners);
    models.set(indexer.modelCount);
    workers.set(known.length);
    for (const status of statuses) {
      listeners.set({ status }, all.filter((it) => it.status === status).length);
    }
  });
  return {
    answered: (route, status, seconds) => {
      const [method = "", endpoint = ""] = route.split(" ");
      requests.inc({ endpoint, method });
      durations.observe({ endpoint }, seconds);
      if (status >= 400) errors.inc({ endpoint, status_class: status < 500 ? "4xx" : "5xx" });
    },
  };
}
