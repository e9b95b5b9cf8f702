// The prefill workers of a model, found by a card of theirs; decode pipelines send their prompts there.
import type { MetricsRegistry } from "@dyn/metrics";
import type { ModelCard } from "@dyn/protocol";
import { defaultCostSettings, PrefillPool, WorkerDirectory } from "@dyn/router";
import { type DistributedRuntime, type EndpointClientOptions, parseEndpointId } from "@dyn/runtime";
import type { GatewayLogger } from "../logger.ts";
import {
  createRoutedClient,
  createWorkerClient,
  type RoutingOptions,
  settingsOf,
} from "./routed-client.ts";

export function createPrefillPool(options: {
  readonly card: ModelCard;
  readonly runtime: DistributedRuntime;
  readonly client: EndpointClientOptions;
  readonly routing: RoutingOptions;
  readonly metrics: MetricsRegistry;
  readonly logger: GatewayLogger;
  readonly timeoutMs: number | null;
}): PrefillPool {
  const { card, runtime, routing, logger } = options;
  const ofStage = settingsOf(routing, card);
  const { cost = defaultCostSettings } = ofStage;
  // Nothing stays there to decode: blocks of running requests are no load.
  const prefill = { ...ofStage, cost: { ...cost, trackActiveBlocks: false } };
  const workers = createWorkerClient(options);
  const { client, router } = createRoutedClient({
    ...options,
    routing: { ...routing, stages: { ...routing.stages, prefill } },
    workers,
  });
  return new PrefillPool({
    client,
    router,
    timeoutMs: options.timeoutMs,
    workers: new WorkerDirectory({
      discovery: runtime.planes.discovery,
      endpoint: parseEndpointId(card.endpoint),
      model: card.displayName,
      onLeft: () => {},
      onProblem: (message, error) =>
        logger.warn(message, { model: card.displayName, error: String(error) }),
    }),
  });
}
