// The system server of a worker: up before the model is loaded, down after the last request has ended.
import type { WorkerArgs } from "@dyn/args";
import type { Engine } from "@dyn/engine";
import { createProgressCheck, createSystemServer, HealthState } from "@dyn/health";
import type { Logger } from "@dyn/logging";
import { createEngineMetrics, createMetricsRegistry } from "@dyn/metrics";
import { type ModelCard, nameToSlug } from "@dyn/protocol";
import type { AdmissionGate } from "@dyn/runtime";
import { cardFileGroup } from "./card-file-group.ts";
import { showAdmission } from "./show-admission.ts";

/** Longer than any one step of an engine should take. */
const stallMs = 120_000;

export interface WorkerSystem {
  readonly url: string;
  readonly health: HealthState;
  /** Shows the engine's metrics, checks that it advances, and serves the files of the card. */
  watch(engine: Engine, card: ModelCard, admission: AdmissionGate | null): void;
  close(): Promise<void>;
}

/** `null`: DYN_SYSTEM_PORT is -1. */
export async function startSystem(args: WorkerArgs, logger: Logger): Promise<WorkerSystem | null> {
  const { host, port, healthPath, livePath, startingHealthStatus } = args.values.system;
  if (port < 0) return null;
  const health = new HealthState({ startingStatus: startingHealthStatus });
  const registry = createMetricsRegistry();
  const server = await createSystemServer({
    host,
    port,
    healthPath,
    livePath,
    health: () => health.report(),
    metrics: () => registry.render(),
    onProblem: (message, error) => logger.warn(message, { error: String(error) }),
  });
  const url = `http://${host.includes(":") ? `[${host}]` : host}:${server.port}`;
  logger.info("system server", { url });
  return {
    url,
    health,
    watch: (engine, card, admission) => {
      const { contextLength, pageSize } = engine.info;
      createEngineMetrics(registry, { model: card.displayName, pageSize, contextLength }, () =>
        engine.metrics(),
      );
      health.addCheck(
        "progress",
        createProgressCheck({ read: () => readProgress(engine), stallMs }),
      );
      if (admission !== null) showAdmission(registry, admission);
      server.addCardFiles(cardFileGroup(card, nameToSlug(card.displayName)));
    },
    close: () => server.close(),
  };
}

function readProgress(engine: Engine) {
  const metrics = engine.metrics();
  return {
    isBusy: metrics.runningRequests + metrics.waitingRequests > 0,
    stepCount:
      metrics.prefillSteps +
      metrics.decodeSteps +
      metrics.finishedRequests +
      metrics.abortedRequests,
  };
}
