import type { FrontendMetrics, MetricsRegistry } from "@dyn/metrics";
import type { DistributedRuntime } from "@dyn/runtime";
import type { GatewayLimits } from "./limits.ts";
import type { GatewayLogger } from "./logger.ts";
import type { ModelDirectory } from "./models/model-directory.ts";

/** What the routes share. */
export interface GatewayContext {
  readonly runtime: DistributedRuntime;
  readonly models: ModelDirectory;
  readonly limits: GatewayLimits;
  readonly logger: GatewayLogger;
  readonly metrics: FrontendMetrics;
  readonly registry: MetricsRegistry;
  readonly nowMs: () => number;
}
