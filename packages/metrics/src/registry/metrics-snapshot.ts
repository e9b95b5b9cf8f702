// Metrics of several processes as one page: counters and histograms add up, gauges as their family says.
import {
  AggregatorRegistry,
  type MetricObjectWithValues,
  type MetricValue,
  type Registry,
} from "prom-client";

/** All families of a registry with their values, as plain objects that may cross processes. */
export type MetricsSnapshot = readonly MetricFamily[];
export type MetricFamily = Readonly<MetricObjectWithValues<MetricValue<string>>>;

/** How the gauges of several processes become one. */
export type GaugeMerge = "sum" | "max";

export async function mergeSnapshots(
  snapshots: readonly MetricsSnapshot[],
): Promise<MetricsSnapshot> {
  return aggregate(snapshots).getMetricsAsJSON();
}

/** In Prometheus' text format 0.0.4. */
export async function renderSnapshot(
  snapshot: MetricsSnapshot,
): Promise<{ contentType: string; body: string }> {
  const registry = aggregate([snapshot]);
  return { contentType: registry.contentType, body: await registry.metrics() };
}

/** What stays true of a process that is gone: what it counted, not how it stood. */
export function totalsOf(snapshot: MetricsSnapshot): MetricsSnapshot {
  return snapshot.filter(({ type }) => `${type}` === "counter" || `${type}` === "histogram");
}

function aggregate(snapshots: readonly MetricsSnapshot[]): Registry {
  return AggregatorRegistry.aggregate(snapshots as unknown as object[]);
}
