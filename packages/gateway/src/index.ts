export { type ClusterWorker, joinCluster } from "./cluster/cluster-worker.ts";
export {
  type ClusterLogger,
  GatewayCluster,
  type GatewayClusterOptions,
} from "./cluster/gateway-cluster.ts";
export type { Accounts, Allowance, Budget } from "./door/accounts.ts";
export { ApiKeyEntry, hashApiKey, readApiKeys } from "./door/api-key.ts";
export { createGateway, Gateway } from "./gateway.ts";
export type { GatewayOptions, GatewayShare } from "./gateway-options.ts";
export type { HttpTls } from "./http/http-server.ts";
export { defaultLimits, type GatewayLimits } from "./limits.ts";
export { type GatewayLogger, stderrLogger } from "./logger.ts";
export type { ModelParsers } from "./postprocess/output-reading.ts";
export type { MovableRoute, RoutePaths } from "./routes/route-paths.ts";
export { defaultSettings, type GatewaySettings } from "./settings.ts";
