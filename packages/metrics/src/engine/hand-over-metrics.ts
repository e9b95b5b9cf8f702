// A worker that hands KV over, or takes it: its queues and leases as they are, and what became of each room.
import type { MetricsRegistry } from "../registry/metrics-registry.ts";
import type { EngineMetricsOptions } from "./engine-metrics-like.ts";
import { createHandOverFamilies, type HandOverFamilies } from "./hand-over-families.ts";

/** Counters only grow; they may start again at 0 with a new engine. */
export interface HandOverMetricsLike {
  readonly waitingForDecode: number;
  readonly handingOver: number;
  readonly waitingForPages: number;
  readonly receiving: number;
  readonly leasesOpen: number;
  readonly leasedPages: number;
  readonly leasesAcknowledged: number;
  readonly leasesCancelled: number;
  readonly leasesExpired: number;
  readonly leasesFailed: number;
  readonly transferredBytes: number;
  readonly transferSeconds: number;
  readonly bootstrapFailures: number;
  readonly transferFailures: number;
}

/** What became of one room; `null`: it did not come so far. */
export interface HandOverRecord {
  readonly sizeBytes: number;
  readonly runCount: number;
  readonly bootstrapMs: number | null;
  readonly allocationMs: number | null;
  readonly transferMs: number | null;
  readonly isDamaged: boolean;
}

export interface HandOverMetrics {
  roomEnded(record: HandOverRecord): void;
  /** A decode worker computes a prompt that was to come to it. `cause`: one of few. */
  prefilledHere(cause: string): void;
  /** Workers of the other half that cannot be paired with this one, now. */
  mismatchedPeers(count: number): void;
}

/** Several engines of a process share their families. */
const familiesByRegistry = new WeakMap<MetricsRegistry, HandOverFamilies>();

/** With the labels that `createEngineMetrics` puts on the same engine. `snapshot` is asked when the page is rendered. */
export function createHandOverMetrics(
  registry: MetricsRegistry,
  options: Pick<EngineMetricsOptions, "model" | "engineType" | "labels">,
  snapshot: () => HandOverMetricsLike,
): HandOverMetrics {
  const labels = {
    model_name: options.model,
    engine_type: options.engineType ?? "unified",
    ...options.labels,
  };
  const known = familiesByRegistry.get(registry);
  const families = known ?? createHandOverFamilies(registry, Object.keys(labels));
  familiesByRegistry.set(registry, families);
  const counters = countersOf(families).map((it) => ({ ...it, shown: 0 }));
  registry.onRender(() => {
    const now = snapshot();
    families.waitingForDecode.set(labels, now.waitingForDecode);
    families.handingOver.set(labels, now.handingOver);
    families.waitingForPages.set(labels, now.waitingForPages);
    families.receiving.set(labels, now.receiving);
    families.leases.set(labels, now.leasesOpen);
    families.leasedPages.set(labels, now.leasedPages);
    for (const entry of counters) {
      const value = now[entry.key];
      const grown = value >= entry.shown ? value - entry.shown : value;
      entry.counter.inc({ ...labels, ...entry.more }, grown);
      entry.shown = value;
    }
  });
  families.mismatchedPeers.set(labels, 0);
  families.runs.inc(labels, 0);
  families.damagedRuns.inc(labels, 0);
  return {
    roomEnded: ({ sizeBytes, runCount, bootstrapMs, allocationMs, transferMs, isDamaged }) => {
      families.runs.inc(labels, runCount);
      if (isDamaged) families.damagedRuns.inc(labels);
      if (bootstrapMs !== null) families.bootstrap.observe(labels, bootstrapMs);
      if (allocationMs !== null) families.allocation.observe(labels, allocationMs);
      if (transferMs === null) return;
      families.latency.observe(labels, transferMs);
      families.size.observe(labels, sizeBytes / 1e6);
      if (transferMs > 0) families.speed.observe(labels, sizeBytes / 1e6 / transferMs);
    },
    mismatchedPeers: (count) => families.mismatchedPeers.set(labels, count),
    prefilledHere: (cause) => families.ownPrefills.inc({ ...labels, cause }),
  };
}

function countersOf(families: HandOverFamilies) {
  const end = (name: string) => ({ end: name });
  return [
    { counter: families.leaseEnds, key: "leasesAcknowledged", more: end("acknowledged") },
    { counter: families.leaseEnds, key: "leasesCancelled", more: end("cancelled") },
    { counter: families.leaseEnds, key: "leasesExpired", more: end("expired") },
    { counter: families.leaseEnds, key: "leasesFailed", more: end("failed") },
    { counter: families.bytes, key: "transferredBytes", more: {} },
    { counter: families.seconds, key: "transferSeconds", more: {} },
    { counter: families.bootstrapFailures, key: "bootstrapFailures", more: {} },
    { counter: families.transferFailures, key: "transferFailures", more: {} },
  ] as const;
}
