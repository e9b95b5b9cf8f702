// A frontend from its arguments: runtime, gateway, listening socket.
import { ArgsError, type FrontendArgs, refuseUnsupported } from "@dyn/args";
import { type ClusterWorker, createGateway, type Gateway, type GatewayOptions } from "@dyn/gateway";
import type { Logger } from "@dyn/logging";
import { createMetricsRegistry, type MetricsRegistry } from "@dyn/metrics";
import { DistributedRuntime, type Planes } from "@dyn/runtime";
import { createTracer } from "@dyn/tracing";
import { chatProcessor } from "./chat-processor.ts";
import { doorSettings, followKeys } from "./door-settings.ts";
import { gatewaySettings } from "./gateway-settings.ts";
import { routePaths } from "./route-paths.ts";
import { routerSettings } from "./router-settings.ts";
import { supportedOptions } from "./supported-options.ts";
import { urlOf } from "./url-of.ts";
import { workerCountOf } from "./worker-count.ts";

/** How long a process waits for its models while others serve the port. */
const modelsTimeoutMs = 10_000;

export interface FrontendContext {
  readonly args: FrontendArgs;
  readonly planes: Planes;
  readonly logger: Logger;
  /** The registry behind /metrics; a fresh one when absent. */
  readonly registry?: MetricsRegistry;
  /** Where this process is one of several on the port. */
  readonly cluster?: ClusterWorker | null;
}

export interface RunningFrontend {
  /** Where a client on this machine reaches it. */
  readonly url: string;
  readonly gateway: Gateway;
  /** New requests get 503, running ones finish within the time-out: `complete` when all did. */
  drain(): Promise<{ readonly complete: boolean }>;
}

export async function startFrontend(context: FrontendContext): Promise<RunningFrontend> {
  const { args, planes, logger, cluster = null } = context;
  refuseUnsupported(args, supportedOptions);
  if (cluster === null) {
    refuseWorkers(args);
    for (const notice of args.notices) logger.warn(notice);
  }
  const { http, door, frontend, runtime: planeOptions } = args.values;
  const tracer = await createTracer(args.values.process, {
    serviceName: "dyn-frontend",
    onProblem: (message) => logger.warn(message),
  });
  const runtime = new DistributedRuntime(planes);
  const gateway = createGateway({
    runtime,
    tracer,
    metrics: context.registry ?? createMetricsRegistry(),
    limits: {
      bodySizeBytes: Math.floor(http.bodyLimitMb * 1024 * 1024),
      concurrentRequests: door.maxConcurrentRequests ?? null,
      requestTimeoutMs:
        door.requestTimeoutSecs === undefined ? null : door.requestTimeoutSecs * 1000,
    },
    ...(cluster === null ? {} : { shared: cluster }),
    ...(await doorSettings(args)),
    ...(await chatProcessor(args)),
    settings: await gatewaySettings(args),
    paths: routePaths(args),
    ...namespaceFilter(args),
    modelFilesDirectory: frontend.modelPath,
    tokenizerCacheBytes: frontend.tokenizerCache ? frontend.tokenizerCacheBytes : 0,
    ...(await routing(args, cluster !== null)),
    inhibitMs: planeOptions.inhibitedDurationSecs * 1000,
    migration: { limit: frontend.migrationLimit, maxSeqLen: frontend.migrationMaxSeqLen },
    logger: logger.child("gateway"),
  });
  const url = await serve(gateway, context);
  const unfollowKeys = followKeys(args, (keys) => gateway.setKeys(keys), logger);
  return {
    url,
    gateway,
    drain: async () => {
      cluster?.leaving();
      unfollowKeys();
      const { complete } = await gateway.drain({
        timeoutMs: http.gracefulShutdownTimeoutSecs * 1000,
      });
      if (!complete) logger.warn("streams were cut off at shutdown");
      await gateway.close();
      await runtime.close();
      await tracer.close();
      return { complete };
    },
  };
}

/** Processes of one port route as one: each must know what the others have running. */
async function routing(args: FrontendArgs, isShared: boolean): ReturnType<typeof routerSettings> {
  const options = await routerSettings(args);
  if (options.routerMode !== "kv" || !isShared) return options;
  const { routerSettings: settings, stageSettings: stages = {} } = options;
  const synced = (of: typeof settings) => ({ ...of, replicaSync: true });
  return {
    ...options,
    routerSettings: synced(settings),
    stageSettings: {
      ...(stages.prefill === undefined ? {} : { prefill: synced(stages.prefill) }),
      ...(stages.decode === undefined ? {} : { decode: synced(stages.decode) }),
    },
  };
}

/** Listens, or takes connections of the primary that does. */
async function serve(gateway: Gateway, { args, cluster }: FrontendContext): Promise<string> {
  const { host, port } = args.values.http;
  if (cluster == null) return urlOf(args, (await gateway.listen({ host, port })).port);
  const { accept } = await gateway.open({ modelsTimeoutMs });
  cluster.ready(accept);
  return urlOf(args, port);
}

/** Several gateways need processes of their own. */
function refuseWorkers(args: FrontendArgs): void {
  if (workerCountOf(args) === 1) return;
  throw new ArgsError(
    "UNSUPPORTED_FLAG",
    "--http-workers above 1 needs processes of its own: start dyn-frontend and dyn-worker apart, with --discovery-backend file, etcd or kubernetes.",
    { flag: "--http-workers" },
  );
}

/** A prefix wins over a name; without either all namespaces are served. */
function namespaceFilter({ values }: FrontendArgs): Pick<GatewayOptions, "servesNamespace"> {
  const { namespace, namespacePrefix } = values.frontend;
  if (namespacePrefix !== undefined) {
    return { servesNamespace: (name) => name.startsWith(namespacePrefix) };
  }
  return namespace === undefined ? {} : { servesNamespace: (name) => name === namespace };
}
