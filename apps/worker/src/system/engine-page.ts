// What pages of metrics say of an engine and of the requests that its endpoints answer.
import type { RankedEngine } from "@dyn/engine";
import type { GenerationObserver } from "@dyn/handlers";
import {
  createEngineMetrics,
  createEngineRequestMetrics,
  createHandOverMetrics,
  type HandOverMetrics,
  type HandOverRecord,
  type MetricsRegistry,
  showKvCapacity,
} from "@dyn/metrics";
import type { ModelCard } from "@dyn/protocol";
import { parseEndpointId, type RequestObserver } from "@dyn/runtime";
import { GenerationPage } from "./generation-page.ts";
import { RequestPage } from "./request-page.ts";
import type { WatchedEngine } from "./watched-engine.ts";

export interface EnginePageOptions {
  readonly engine: RankedEngine;
  readonly card: ModelCard;
  /** Hex, as instances are written. */
  readonly workerId: string;
  /** From the start until the engine was ready. */
  readonly loadSeconds: number;
}

export class EnginePage implements WatchedEngine {
  readonly #options: EnginePageOptions;
  readonly #requests: RequestPage;
  readonly #generation = new GenerationPage();
  /** One for each page. */
  readonly #handOvers: HandOverMetrics[] = [];
  #mismatchedPeers = 0;

  constructor(options: EnginePageOptions) {
    this.#options = options;
    this.#requests = new RequestPage({ ...options, otherEndpoints: ["clear_kv_blocks"] });
  }

  get observer(): GenerationObserver {
    return this.#generation.observer;
  }

  requestObserver(endpoint: string): RequestObserver | undefined {
    return this.#requests.observer(endpoint);
  }

  roomEnded(record: HandOverRecord): void {
    for (const metrics of this.#handOvers) metrics.roomEnded(record);
  }

  /** `cause`: a code of errors. */
  prefilledHere(cause: string): void {
    for (const metrics of this.#handOvers) metrics.prefilledHere(cause);
  }

  mismatchedPeers(count: number): void {
    this.#mismatchedPeers = count;
    for (const metrics of this.#handOvers) metrics.mismatchedPeers(count);
  }

  showMetrics(registry: MetricsRegistry): void {
    const { engine, card, workerId, loadSeconds } = this.#options;
    const { namespace, component, endpoint } = parseEndpointId(card.endpoint);
    const { contextLength, pageSize, weightBytes, kvBytesPerToken, disaggregation } = engine.info;
    const model = card.displayName;
    const mode = disaggregation?.mode ?? "null";
    const options = {
      model,
      engineType: mode === "null" ? ("unified" as const) : mode,
      pageSize,
      contextLength,
      weightBytes,
      kvBytesPerToken,
      // What Dynamo's worker adds to the engine's own series.
      labels: {
        dynamo_namespace: namespace,
        dynamo_component: component,
        dynamo_endpoint: endpoint,
        worker_id: workerId,
        model,
      },
    };
    createEngineMetrics(registry, options, () => engine.metrics());
    if (mode !== "null") {
      const snapshot = () => engine.metrics().handOver!;
      const handOvers = createHandOverMetrics(registry, options, snapshot);
      handOvers.mismatchedPeers(this.#mismatchedPeers);
      this.#handOvers.push(handOvers);
    }
    this.#generation.show(createEngineRequestMetrics(registry, options));
    showKvCapacity(registry, {
      component,
      model,
      loadSeconds,
      ranks: engine.ranks.map((rank) => () => rank.metrics()),
    });
    this.#requests.show(registry);
  }

  readProgress() {
    const metrics = this.#options.engine.metrics();
    return {
      isBusy: metrics.runningRequests + metrics.waitingRequests > 0,
      stepCount:
        metrics.prefillSteps +
        metrics.decodeSteps +
        metrics.finishedRequests +
        metrics.abortedRequests,
    };
  }
}
