import type { ProgressReading } from "@dyn/health";
import type { MetricsRegistry } from "@dyn/metrics";

/** What the system server reads of an engine, whatever its kind. */
export interface WatchedEngine {
  showMetrics(registry: MetricsRegistry): void;
  readProgress(): ProgressReading;
}
