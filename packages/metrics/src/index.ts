export {
  type ComponentLabels,
  type ComponentMetrics,
  type ComponentRequestEnd,
  createComponentMetrics,
} from "./component/component-metrics.ts";
export { type KvCapacityOptions, showKvCapacity } from "./component/kv-capacity-metrics.ts";
export { statusToErrorType } from "./component/status-to-error-type.ts";
export {
  createEmbeddingMetrics,
  type EmbeddingMetricsLike,
  type EmbeddingSizes,
} from "./engine/embedding-metrics.ts";
export { createEngineMetrics } from "./engine/engine-metrics.ts";
export type { EngineMetricsLike, EngineMetricsOptions } from "./engine/engine-metrics-like.ts";
export {
  createEngineRequestMetrics,
  type EngineRequest,
  type EngineRequestMetrics,
  type RequestStart,
} from "./engine/engine-request-metrics.ts";
export {
  createHandOverMetrics,
  type HandOverMetrics,
  type HandOverMetricsLike,
  type HandOverRecord,
} from "./engine/hand-over-metrics.ts";
export type { FrontendBuckets } from "./frontend/frontend-families.ts";
export {
  createFrontendMetrics,
  type FrontendMetrics,
  type FrontendMetricsOptions,
  type ModelConfigMetrics,
  UNKNOWN_MODEL,
} from "./frontend/frontend-metrics.ts";
export type { ErrorType, FrontendRequest, RequestOutcome } from "./frontend/frontend-request.ts";
export type { RequestLabels } from "./frontend/request-series.ts";
export type { LogSpacing } from "./registry/log-spaced-buckets.ts";
export {
  type CounterFamily,
  createMetricsRegistry,
  type FamilyOptions,
  type GaugeFamily,
  type GaugeOptions,
  type HistogramFamily,
  type HistogramOptions,
  type MetricsRegistry,
} from "./registry/metrics-registry.ts";
export {
  type GaugeMerge,
  type MetricFamily,
  type MetricsSnapshot,
  mergeSnapshots,
  renderSnapshot,
  totalsOf,
} from "./registry/metrics-snapshot.ts";
