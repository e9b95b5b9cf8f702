// A router from its arguments: runtime, KV router over the workers' endpoint, its three endpoints, its index where asked for.
import { parseEndpointName, type RouterArgs, refuseUnsupported } from "@dyn/args";
import { type ServiceSystem, startServiceSystem } from "@dyn/health";
import type { Logger } from "@dyn/logging";
import { createMetricsRegistry, type MetricsRegistry } from "@dyn/metrics";
import type { EngineOutputItem, PreprocessedRequest } from "@dyn/protocol";
import {
  createKvRoutedClient,
  createKvRouter,
  createRouterMetrics,
  type KvRouter,
  policyName,
  serveIndexer,
  serveRouter,
} from "@dyn/router";
import { DistributedRuntime, formatAddress, formatEndpointId, type Planes } from "@dyn/runtime";
import { createEndpointObserver } from "./endpoint-observer.ts";
import { firstCard } from "./first-card.ts";
import { differsByStage, stageOf, stageSettings } from "./stage-settings.ts";
import { supportedOptions } from "./supported-options.ts";

export interface RouterContext {
  readonly args: RouterArgs;
  readonly planes: Planes;
  readonly logger: Logger;
  /** Aborted when the start is given up. */
  readonly signal: AbortSignal;
}

export interface RunningRouter {
  /** Plain data: whose requests it takes, and where to. */
  readonly report: Readonly<Record<string, string>>;
  /** Out of discovery first; requests that run may finish. */
  drain(): Promise<{ readonly complete: boolean }>;
}

export async function startRouter(context: RouterContext): Promise<RunningRouter> {
  const { args, logger } = context;
  refuseUnsupported(args, supportedOptions);
  for (const notice of args.notices) logger.warn(notice);
  const registry = createMetricsRegistry();
  const system = await startServiceSystem({
    ...args.values.system,
    metrics: () => registry.render(),
    onProblem: (message, error) => logger.warn(message, { error: String(error) }),
  });
  try {
    return await startService(context, registry, system);
  } catch (error) {
    await system.close();
    throw error;
  }
}

async function startService(
  { args, planes, logger, signal }: RouterContext,
  registry: MetricsRegistry,
  system: ServiceSystem,
): Promise<RunningRouter> {
  const { service, runtime: planeOptions, process, system: systemOptions } = args.values;
  const byStage = await stageSettings(args);
  const endpoint = parseEndpointName(service.endpoint!);
  const address = formatEndpointId(endpoint);
  const { serveIndexer: serves, useRemoteIndexer: asks } = byStage.aggregated;
  const hasModels = (byStage.aggregated.queueOfModel?.size ?? 0) > 0;
  // An index is offered and asked for by its model's name, and a policy file may name models; elsewhere the address says as much.
  const needsName = service.modelName === undefined && (serves || asks || hasModels);
  const needsStage = differsByStage(byStage);
  if (needsName || needsStage) logger.info("waiting for a worker's card", { endpoint: address });
  const card = needsName || needsStage ? await firstCard(planes, endpoint, signal) : null;
  const stage = card === null ? "aggregated" : stageOf(card);
  const settings = byStage[stage];
  const model = service.modelName ?? (needsName ? card!.displayName : address);
  const runtime = new DistributedRuntime(planes);
  const { instanceId } = runtime;
  const metrics = createRouterMetrics(registry, {
    endpoint,
    model,
    instanceId,
    phase: () => poolOf(router) ?? "aggregated",
  });
  const router: KvRouter = createKvRouter({
    planes,
    endpoint,
    model,
    blockSize: service.routerBlockSize,
    settings,
    observer: {
      ...metrics.observer,
      warned: (message) => logger.warn(message),
      problem: (message, error) => logger.warn(message, { error: String(error) }),
    },
  });
  const client = createKvRoutedClient({
    client: runtime.endpoint(endpoint).createClient<PreprocessedRequest, EngineOutputItem>({
      inhibitMs: planeOptions.inhibitedDurationSecs * 1000,
    }),
    router,
    onReceived: metrics.observer.received,
    onFirstToken: metrics.observer.firstToken,
    onStep: metrics.observer.step,
    onEnded: metrics.observer.ended,
    onClosed: metrics.watch(router),
  });
  try {
    const unserve = settings.serveIndexer
      ? await serveIndexer({ runtime, endpoint, router })
      : async () => {};
    const { namespace } = service;
    const served = await serveRouter({
      runtime,
      namespace,
      client,
      observerOf: (name) =>
        createEndpointObserver(registry, { namespace, endpoint: name, instanceId }),
    });
    for (const { id } of served) system.health.setEndpoint(id.endpoint, "ready");
    system.health.addCheck("workers", () =>
      client.instances.length > 0 ? null : `No worker of ${address} is there.`,
    );
    return {
      report: {
        routesTo: address,
        policy: policyName(router.settings.selection),
        endpoints: served.map(({ id }) => formatEndpointId(id)).join(" "),
        model,
        ...(system.port === null
          ? {}
          : { system: `http://${formatAddress(shownHost(systemOptions.host), system.port)}` }),
      },
      drain: async () => {
        for (const { id } of served) system.health.setEndpoint(id.endpoint, "notready");
        await Promise.all(served.map((endpoint) => endpoint.unregister()));
        const late = AbortSignal.timeout(process.gracefulShutdownTimeout * 1000);
        const ends = await Promise.allSettled(served.map((it) => it.idle({ signal: late })));
        await unserve();
        await client.close();
        await runtime.close();
        await system.close();
        return { complete: ends.every(({ status }) => status === "fulfilled") };
      },
    };
  } catch (error) {
    await client.close();
    await runtime.close();
    throw error;
  }
}

/** The pool that the workers belong to, by their cards; `null`: none, or nobody is there. */
function poolOf({ workers }: KvRouter): "prefill" | "decode" | null {
  const [first] = workers.workerIds;
  return first === undefined ? null : workers.get(first).pool;
}

function shownHost(host: string): string {
  return host === "0.0.0.0" || host === "::" ? "127.0.0.1" : host;
}
