// A frontend from its arguments: runtime, gateway, listening socket.
import { type FrontendArgs, refuseUnsupported } from "@dyn/args";
import { createGateway, type Gateway, type GatewayOptions } from "@dyn/gateway";
import type { Logger } from "@dyn/logging";
import { createMetricsRegistry, type MetricsRegistry } from "@dyn/metrics";
import { DistributedRuntime, type Planes } from "@dyn/runtime";
import { chatProcessor } from "./chat-processor.ts";
import { doorSettings, followKeys } from "./door-settings.ts";
import { gatewaySettings } from "./gateway-settings.ts";
import { routerSettings } from "./router-settings.ts";
import { supportedOptions } from "./supported-options.ts";

export interface FrontendContext {
  readonly args: FrontendArgs;
  readonly planes: Planes;
  readonly logger: Logger;
  /** The registry behind /metrics; a fresh one when absent. */
  readonly registry?: MetricsRegistry;
}

export interface RunningFrontend {
  /** Where a client on this machine reaches it. */
  readonly url: string;
  readonly gateway: Gateway;
  /** New requests get 503, running ones finish within the time-out: `complete` when all did. */
  drain(): Promise<{ readonly complete: boolean }>;
}

export async function startFrontend(context: FrontendContext): Promise<RunningFrontend> {
  const { args, planes, logger } = context;
  refuseUnsupported(args, supportedOptions);
  for (const notice of args.notices) logger.warn(notice);
  const { http, door, frontend, runtime: planeOptions } = args.values;
  const runtime = new DistributedRuntime(planes);
  const gateway = createGateway({
    runtime,
    metrics: context.registry ?? createMetricsRegistry(),
    limits: {
      bodySizeBytes: Math.floor(http.bodyLimitMb * 1024 * 1024),
      concurrentRequests: door.maxConcurrentRequests ?? null,
      requestTimeoutMs:
        door.requestTimeoutSecs === undefined ? null : door.requestTimeoutSecs * 1000,
    },
    ...(await doorSettings(args)),
    ...(await chatProcessor(args)),
    settings: gatewaySettings(args),
    ...namespaceFilter(args),
    modelFilesDirectory: frontend.modelPath,
    ...(await routerSettings(args)),
    inhibitMs: planeOptions.inhibitedDurationSecs * 1000,
    migration: { limit: frontend.migrationLimit, maxSeqLen: frontend.migrationMaxSeqLen },
    logger: logger.child("gateway"),
  });
  const { url, port } = await gateway.listen({ host: http.host, port: http.port });
  const unfollowKeys = followKeys(args, (keys) => gateway.setKeys(keys), logger);
  return {
    url: `${new URL(url).protocol}//${clientHost(http.host)}:${port}`,
    gateway,
    drain: async () => {
      unfollowKeys();
      const { complete } = await gateway.drain({
        timeoutMs: http.gracefulShutdownTimeoutSecs * 1000,
      });
      if (!complete) logger.warn("streams were cut off at shutdown");
      await gateway.close();
      await runtime.close();
      return { complete };
    },
  };
}

/** A prefix wins over a name; without either all namespaces are served. */
function namespaceFilter({ values }: FrontendArgs): Pick<GatewayOptions, "servesNamespace"> {
  const { namespace, namespacePrefix } = values.frontend;
  if (namespacePrefix !== undefined) {
    return { servesNamespace: (name) => name.startsWith(namespacePrefix) };
  }
  return namespace === undefined ? {} : { servesNamespace: (name) => name === namespace };
}

/** A socket that listens everywhere is reached as localhost. */
function clientHost(host: string): string {
  if (host === "0.0.0.0" || host === "::") return "localhost";
  return host.includes(":") ? `[${host}]` : host;
}
