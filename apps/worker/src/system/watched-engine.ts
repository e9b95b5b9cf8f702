// What the system server reads of an engine, whatever its kind.
import type { Engine } from "@dyn/engine";
import type { ProgressReading } from "@dyn/health";
import { createEngineMetrics, type MetricsRegistry } from "@dyn/metrics";
import type { ModelCard } from "@dyn/protocol";

export interface WatchedEngine {
  showMetrics(registry: MetricsRegistry): void;
  readProgress(): ProgressReading;
}

export function watchedEngine(engine: Engine, card: ModelCard): WatchedEngine {
  return {
    showMetrics: (registry) => showEngine(registry, engine, card),
    readProgress: () => {
      const metrics = engine.metrics();
      return {
        isBusy: metrics.runningRequests + metrics.waitingRequests > 0,
        stepCount:
          metrics.prefillSteps +
          metrics.decodeSteps +
          metrics.finishedRequests +
          metrics.abortedRequests,
      };
    },
  };
}

export function showEngine(registry: MetricsRegistry, engine: Engine, card: ModelCard): void {
  const { contextLength, pageSize } = engine.info;
  createEngineMetrics(registry, { model: card.displayName, pageSize, contextLength }, () =>
    engine.metrics(),
  );
}
