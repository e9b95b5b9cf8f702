import type { WorkerArgs } from "@dyn/args";
import type { Engine } from "@dyn/engine";
import { createSpanObserver, type GenerationObserver } from "@dyn/handlers";
import type { Logger } from "@dyn/logging";
import type { ModelConfig } from "@dyn/model-files";
import type { ModelCard } from "@dyn/protocol";
import {
  type AdmissionGate,
  type DistributedRuntime,
  parseEndpointId,
  type RequestHandler,
} from "@dyn/runtime";
import type { Tracer } from "@dyn/tracing";
import { choosePayload } from "../health/choose-payload.ts";
import { RequestGuard } from "../health/request-guard.ts";
import { type HealthWatch, watchHealth } from "../health/watch-health.ts";
import { openEngineRoutes } from "../routes/open-engine-routes.ts";
import type { WeightVersion } from "../routes/weight-version.ts";
import type { EnginePage } from "../system/engine-page.ts";
import type { WorkerSystem } from "../system/start-system.ts";
import { announceModel } from "./announce-model.ts";

/** What the init file of every worker type begins with. */
export interface InitOptions {
  readonly args: WorkerArgs;
  readonly runtime: DistributedRuntime;
  readonly engine: Engine;
  readonly weightVersion: WeightVersion;
  readonly card: ModelCard;
  readonly config: ModelConfig;
  readonly system: WorkerSystem | null;
  /** Counts the requests. */
  readonly page: EnginePage;
  readonly tracer: Tracer;
  /** `null`: everything is taken. */
  readonly admission: AdmissionGate | null;
  /** Aborted when what still runs must end and go on elsewhere. */
  readonly shutdown: AbortSignal;
  readonly tokenizerDirectory: string;
  readonly logger: Logger;
}

/** Who hears of the engine's answers. */
export function observersOf({ args, page, tracer }: InitOptions): readonly GenerationObserver[] {
  return args.values.process.otelExportEnabled
    ? [page.observer, createSpanObserver(tracer)]
    : [page.observer];
}

/**
 * Serves `generate`, then announces the model: nobody finds an endpoint that does not answer yet.
 * `payload`: the request that such a worker is probed with.
 */
export async function announce(
  options: InitOptions,
  handler: RequestHandler<unknown, unknown>,
  payload: Readonly<Record<string, unknown>>,
): Promise<HealthWatch> {
  const { args, runtime, engine, card, system, page, admission, logger } = options;
  const guard = new RequestGuard();
  const served = await runtime.endpoint(card.endpoint).serve(guard.wrap(handler), {
    admission: admission ?? undefined,
    deviceType: "cpu",
    observer: page.requestObserver(parseEndpointId(card.endpoint).endpoint),
  });
  system?.watch(page, card, admission);
  await announceModel(served, card, system);
  const control = openEngineRoutes({
    args,
    logger,
    engine,
    weightVersion: options.weightVersion,
    served,
    system,
  });
  const watch = watchHealth({
    args,
    logger,
    health: system?.health ?? null,
    served,
    guard,
    handler,
    payload: await choosePayload(payload, args.values.worker.healthCheckPayload, logger),
    readProgress: () => page.readProgress(),
    isPaused: () => control.isHalted,
  });
  return {
    close: () => {
      watch.close();
      control.close();
    },
  };
}
