// The client of a model's workers, with the router that the frontend was asked for.
import type { MetricsRegistry } from "@dyn/metrics";
import {
  type EngineOutputItem,
  InvalidArgumentError,
  type ModelCard,
  type PreprocessedRequest,
} from "@dyn/protocol";
import {
  createKvRoutedClient,
  createKvRouter,
  createRouterMetrics,
  type KvRouter,
  type RouterSettings,
  type TokenClient,
} from "@dyn/router";
import {
  type DistributedRuntime,
  type EndpointClientOptions,
  parseEndpointId,
  type RouterMode,
} from "@dyn/runtime";
import type { GatewayLogger } from "../logger.ts";

export interface RoutingOptions {
  readonly mode: RouterMode | "kv";
  /** Of mode kv. */
  readonly settings: Partial<RouterSettings>;
}

export interface RoutedClient {
  readonly client: TokenClient;
  /** `null` in the modes that know nothing of caches. */
  readonly router: KvRouter | null;
}

export function createRoutedClient(options: {
  readonly card: ModelCard;
  readonly runtime: DistributedRuntime;
  readonly routing: RoutingOptions;
  readonly client: EndpointClientOptions;
  readonly metrics: MetricsRegistry;
  readonly logger: GatewayLogger;
}): RoutedClient {
  const { card, runtime, routing, logger } = options;
  const { mode } = routing;
  const client = runtime
    .endpoint(card.endpoint)
    .createClient<PreprocessedRequest, EngineOutputItem>({
      ...options.client,
      mode: mode === "kv" ? "least-loaded" : mode,
    });
  if (mode !== "kv") return { client, router: null };
  if (card.kvCacheBlockSize === 0) {
    void client.close();
    throw new InvalidArgumentError(
      `The card of ${card.displayName} names no KV block size, which --router-mode kv needs. Start its workers with --page-size.`,
    );
  }
  const endpoint = parseEndpointId(card.endpoint);
  const model = card.displayName;
  const metrics = createRouterMetrics(options.metrics, { endpoint, model });
  const router = createKvRouter({
    planes: runtime.planes,
    endpoint,
    model,
    blockSize: card.kvCacheBlockSize,
    settings: routing.settings,
    observer: {
      ...metrics.observer,
      warned: (message) => logger.warn(message, { model }),
      problem: (message, error) => logger.warn(message, { model, error: String(error) }),
    },
  });
  const unwatch = metrics.watch(router);
  const routed = createKvRoutedClient({
    client,
    router,
    onFirstToken: (seconds) => metrics.observer.firstToken?.(seconds),
    onEnded: (tokens) => metrics.observer.ended?.(tokens),
    onClosed: unwatch,
  });
  return { client: routed, router };
}
