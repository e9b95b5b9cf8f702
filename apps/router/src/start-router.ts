// A router from its arguments: runtime, KV router over the workers' endpoint, its three endpoints, its index where asked for.
import { readFile } from "node:fs/promises";
import {
  ArgsError,
  loadYaml,
  parseEndpointName,
  type RouterArgs,
  refuseUnsupported,
} from "@dyn/args";
import { type ServiceSystem, startServiceSystem } from "@dyn/health";
import type { Logger } from "@dyn/logging";
import { createMetricsRegistry, type MetricsRegistry } from "@dyn/metrics";
import type { EngineOutputItem, PreprocessedRequest } from "@dyn/protocol";
import {
  applyPolicyFile,
  createKvRoutedClient,
  createKvRouter,
  createRouterMetrics,
  type KvRouter,
  optionsToSettings,
  type RouterSettings,
  serveIndexer,
  serveRouter,
} from "@dyn/router";
import {
  DistributedRuntime,
  type EndpointId,
  endpointPath,
  formatAddress,
  formatEndpointId,
  type Planes,
} from "@dyn/runtime";
import { createEndpointObserver } from "./endpoint-observer.ts";
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
  const settings = await settingsOf(args);
  const endpoint = parseEndpointName(service.endpoint!);
  const address = formatEndpointId(endpoint);
  const runtime = new DistributedRuntime(planes);
  const model = service.modelName ?? (await nameInDiscovery(planes, endpoint, settings, signal));
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

async function settingsOf({ values }: RouterArgs): Promise<Partial<RouterSettings>> {
  const { routerPolicyConfig: path } = values.router;
  const flags = optionsToSettings(values.router);
  if (path === undefined) return flags;
  let document: unknown;
  try {
    document = loadYaml().parse(await readFile(path, "utf8"));
  } catch (error) {
    throw new ArgsError("CONFIG_FILE", `--router-policy-config ${path} cannot be read: ${error}`, {
      flag: "--router-policy-config",
    });
  }
  return applyPolicyFile(document, flags, path);
}

/** An index is asked for by its model's name, so that must be known; elsewhere the address says as much. */
async function nameInDiscovery(
  { discovery }: Planes,
  endpoint: EndpointId,
  { serveIndexer: serves, useRemoteIndexer: asks }: Partial<RouterSettings>,
  signal: AbortSignal,
): Promise<string> {
  const address = formatEndpointId(endpoint);
  if (!serves && !asks) return address;
  const prefix = endpointPath(endpoint);
  for await (const event of discovery.watch("v1/mdc", { prefix, signal })) {
    if (event.type === "put" && event.record.type === "model") return event.record.card.displayName;
  }
  throw new ArgsError("MISSING_OPTION", `No worker came to ${address}. Give --model-name.`, {
    flag: "--model-name",
  });
}
