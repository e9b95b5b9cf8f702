import { z } from "zod";
import { option } from "../option/option-meta.ts";

const group = "System server";

/** The worker's own HTTP server for health, metrics and control. A frontend has none: its port shows both. */
export const systemOptions = z.object({
  port: option(
    "-1: no system server; 0: any free port.",
    z.number().int().min(-1).max(65535).default(-1),
    {
      env: "DYN_SYSTEM_PORT",
      envOnly: true,
      flag: "system-port",
      group,
    },
  ),
  host: option("Address of the system server.", z.string().default("0.0.0.0"), {
    env: "DYN_SYSTEM_HOST",
    envOnly: true,
    flag: "system-host",
    group,
  }),
  startingHealthStatus: option(
    "Health before the endpoints are ready.",
    z.enum(["ready", "notready"]).default("notready"),
    {
      env: "DYN_SYSTEM_STARTING_HEALTH_STATUS",
      envOnly: true,
      flag: "system-starting-health-status",
      group,
    },
  ),
  healthPath: option("Route of the health answer.", z.string().default("/health"), {
    env: "DYN_SYSTEM_HEALTH_PATH",
    envOnly: true,
    flag: "system-health-path",
    group,
  }),
  livePath: option("Route of the liveness answer.", z.string().default("/live"), {
    env: "DYN_SYSTEM_LIVE_PATH",
    envOnly: true,
    flag: "system-live-path",
    group,
  }),
  selfHostMetadata: option(
    "With a system server: frontends fetch the model's files from it instead of reading local paths.",
    z.boolean().default(true),
    { env: "DYN_SELF_HOST_METADATA", envOnly: true, flag: "system-self-host-metadata", group },
  ),
  healthCheckEnabled: option(
    "Send canary requests to idle endpoints.",
    z.boolean().default(false),
    { env: "DYN_HEALTH_CHECK_ENABLED", envOnly: true, flag: "health-check-enabled", group },
  ),
  canaryWaitTime: option("Seconds without traffic before a canary.", z.number().gt(0).default(10), {
    env: "DYN_CANARY_WAIT_TIME",
    envOnly: true,
    flag: "canary-wait-time",
    group,
  }),
  healthCheckRequestTimeout: option(
    "Seconds that a canary may take.",
    z.number().gt(0).default(3),
    {
      env: "DYN_HEALTH_CHECK_REQUEST_TIMEOUT",
      envOnly: true,
      flag: "health-check-request-timeout",
      group,
    },
  ),
  healthCheckBusyStall: option(
    "Seconds that an engine with requests may go without a step before it counts as stuck: the worker is then not ready, and its requests go on elsewhere.",
    z.number().gt(0).default(120),
    {
      env: "DYN_HEALTH_CHECK_BUSY_STALL",
      envOnly: true,
      flag: "health-check-busy-stall",
      group,
    },
  ),
  engineRoutes: option(
    "Who may call the engine's routes: nobody, callers on this machine, or everybody with the key.",
    z.enum(["off", "local", "all"]).default("local"),
    { env: "DYN_ENGINE_ROUTES", flag: "engine-routes", group },
  ),
  engineRoutesKey: option(
    "Key of the engine's routes, sent as `Authorization: Bearer`; `all` needs one.",
    z.string().min(1).optional(),
    { env: "DYN_ENGINE_ROUTES_KEY", flag: "engine-routes-key", group, secret: true },
  ),
  gracePeriod: option(
    "Seconds between leaving discovery and draining; requests that still arrive are served.",
    z.number().default(5),
    {
      env: "DYN_GRACEFUL_SHUTDOWN_GRACE_PERIOD_SECS",
      envOnly: true,
      flag: "system-grace-period",
      group: "Shutdown",
    },
  ),
});

/** The same server of services that have no engine. */
export const serviceSystemOptions = systemOptions.pick({
  port: true,
  host: true,
  startingHealthStatus: true,
  healthPath: true,
  livePath: true,
});
