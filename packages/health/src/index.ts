export { Canary, type CanaryOptions } from "./canary.ts";
export { type CardFileGroup, cardFilePath } from "./card-file-route.ts";
export {
  type EngineRoute,
  type EngineRouteAccess,
  type EngineRouteAnswer,
  EngineRoutes,
  type EngineRoutesOptions,
} from "./engine-routes.ts";
export {
  type HealthCheck,
  type HealthReport,
  HealthState,
  type HealthStateOptions,
  type HealthStatus,
} from "./health-state.ts";
export { createProgressCheck, type ProgressReading } from "./progress-check.ts";
export {
  type ServiceSystem,
  type ServiceSystemOptions,
  startServiceSystem,
} from "./service-system.ts";
export { StallWatch } from "./stall-watch.ts";
export {
  createSystemServer,
  type SystemServer,
  type SystemServerOptions,
} from "./system-server.ts";
