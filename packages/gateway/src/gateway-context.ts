import type { FrontendMetrics } from "@dyn/metrics";
import type { DistributedRuntime } from "@dyn/runtime";
import type { Tracer } from "@dyn/tracing";
import type { GatewayLimits } from "./limits.ts";
import type { GatewayLogger } from "./logger.ts";
import type { ModelDirectory } from "./models/model-directory.ts";
import type { RoutingOptions } from "./models/routed-client.ts";
import type { GatewaySettings } from "./settings.ts";
import type { ThresholdBook } from "./thresholds/threshold-book.ts";

/** What the routes share. */
export interface GatewayContext {
  readonly runtime: DistributedRuntime;
  readonly models: ModelDirectory;
  readonly limits: GatewayLimits;
  readonly settings: GatewaySettings;
  readonly logger: GatewayLogger;
  readonly metrics: FrontendMetrics;
  readonly tracer: Tracer;
  readonly routing: RoutingOptions;
  /** Set while it runs, by model. */
  readonly thresholds: ThresholdBook;
  /** What /metrics shows. */
  readonly metricsPage: () => Promise<{ readonly contentType: string; readonly body: string }>;
  readonly nowMs: () => number;
  readonly servesNamespace: (namespace: string) => boolean;
}
