// The client of a model's workers, with the router that the frontend was asked for.
import type { MetricsRegistry } from "@dyn/metrics";
import {
  type EngineOutputItem,
  InvalidArgumentError,
  type ModelCard,
  type PreprocessedRequest,
} from "@dyn/protocol";
import {
  type ConditionalSettings,
  createKvRoutedClient,
  createKvRouter,
  createLoadGuardedClient,
  createRouterMetrics,
  type KvRouter,
  type RouterObserver,
  type RouterSettings,
  type RoutingPhase,
  serveIndexer,
  type ThresholdHolder,
  type TokenClient,
} from "@dyn/router";
import {
  type DistributedRuntime,
  type EndpointClient,
  type EndpointClientOptions,
  parseEndpointId,
  type RouterMode,
} from "@dyn/runtime";
import type { GatewayLogger } from "../logger.ts";
import type { WorkerClient } from "./base-pipeline.ts";

export interface RoutingOptions {
  readonly mode: RouterMode | "kv";
  /** Of mode kv. */
  readonly settings: Partial<RouterSettings>;
  /** Instead of them, among prefill and among decode workers. */
  readonly stages: {
    readonly prefill?: Partial<RouterSettings>;
    readonly decode?: Partial<RouterSettings>;
  };
  /** When decode workers prefill although prefill workers are there; `null`: never. */
  readonly conditional: ConditionalSettings | null;
}

export interface RoutedClient {
  readonly client: TokenClient;
  /** `null` in the modes that know nothing of caches. */
  readonly router: KvRouter | null;
  /** `null`: nobody of its workers is ever left out for being busy. */
  readonly thresholds: ThresholdHolder | null;
  /** What counts for the router. */
  readonly observer: RouterObserver;
}

/** Chooses by itself, in mode kv by load: what comes with its worker chosen passes through. */
export function createWorkerClient(options: {
  readonly card: ModelCard;
  readonly runtime: DistributedRuntime;
  readonly routing: RoutingOptions;
  readonly client: EndpointClientOptions;
}): WorkerClient {
  const { mode } = options.routing;
  return options.runtime.endpoint(options.card.endpoint).createClient<unknown, unknown>({
    ...options.client,
    mode: mode === "kv" ? "least-loaded" : mode,
  });
}

/** Those of the stage that the card's workers are. */
export function settingsOf(
  { settings, stages }: RoutingOptions,
  { workerType }: Pick<ModelCard, "workerType">,
): Partial<RouterSettings> {
  const isStage = workerType === "prefill" || workerType === "decode";
  return (isStage ? stages[workerType] : undefined) ?? settings;
}

/** Over the workers' client, which closes with it. */
export function createRoutedClient(options: {
  readonly card: ModelCard;
  readonly runtime: DistributedRuntime;
  readonly routing: RoutingOptions;
  readonly workers: WorkerClient;
  readonly metrics: MetricsRegistry;
  readonly logger: GatewayLogger;
}): RoutedClient {
  const { card, runtime, routing, logger } = options;
  // Workers answer what they are asked: items of tokens to a prompt of tokens.
  const client = options.workers as EndpointClient<PreprocessedRequest, EngineOutputItem>;
  const generates =
    card.workerType === "prefill" ||
    card.modelTypes.includes("chat") ||
    card.modelTypes.includes("completions");
  // Embedding workers keep no cache to choose by, and have none that fills.
  if (!generates) return { client, router: null, thresholds: null, observer: {} };
  if (routing.mode !== "kv") {
    // Decode workers prefill for a pool that is busy: nobody is refused there.
    if (card.workerType === "prefill") {
      return { client, router: null, thresholds: null, observer: {} };
    }
    const guarded = createLoadGuardedClient({
      client,
      planes: runtime.planes,
      model: card.displayName,
      thresholds: settingsOf(routing, card).thresholds,
      onProblem: (message, error) =>
        logger.warn(message, { model: card.displayName, error: String(error) }),
    });
    return { client: guarded, router: null, thresholds: guarded, observer: {} };
  }
  if (card.kvCacheBlockSize === 0) {
    void client.close();
    throw new InvalidArgumentError(
      `The card of ${card.displayName} names no KV block size, which --router-mode kv needs. Start its workers with --page-size.`,
    );
  }
  const endpoint = parseEndpointId(card.endpoint);
  const model = card.displayName;
  const phase = phaseOf(card);
  const { instanceId } = runtime;
  const metrics = createRouterMetrics(options.metrics, {
    endpoint,
    model,
    instanceId,
    phase: () => phase,
  });
  const router = createKvRouter({
    planes: runtime.planes,
    endpoint,
    model,
    isOfModelAlone: true,
    blockSize: card.kvCacheBlockSize,
    settings: settingsOf(routing, card),
    observer: {
      ...metrics.observer,
      warned: (message) => logger.warn(message, { model }),
      problem: (message, error) => logger.warn(message, { model, error: String(error) }),
    },
  });
  const unwatch = metrics.watch(router);
  const offered = router.settings.serveIndexer
    ? serveIndexer({ runtime, endpoint, router }).catch((error: unknown) => {
        logger.warn("The index cannot be offered to others.", { model, error: String(error) });
        return null;
      })
    : null;
  const routed = createKvRoutedClient({
    client,
    router,
    onReceived: metrics.observer.received,
    onFirstToken: metrics.observer.firstToken,
    onStep: metrics.observer.step,
    onEnded: metrics.observer.ended,
    onClosed: async () => {
      unwatch();
      await (await offered)?.();
    },
  });
  return { client: routed, router, thresholds: router, observer: metrics.observer };
}

function phaseOf({ workerType }: ModelCard): RoutingPhase {
  return workerType === "prefill" || workerType === "decode" ? workerType : "aggregated";
}
