import type { WorkerArgs } from "@dyn/args";
import type { Engine } from "@dyn/engine";
import type { Logger } from "@dyn/logging";
import type { ModelConfig } from "@dyn/model-files";
import type { ModelCard } from "@dyn/protocol";
import type { AdmissionGate, DistributedRuntime, RequestHandler } from "@dyn/runtime";
import { choosePayload } from "../health/choose-payload.ts";
import { RequestGuard } from "../health/request-guard.ts";
import { type HealthWatch, watchHealth } from "../health/watch-health.ts";
import { openEngineRoutes } from "../routes/open-engine-routes.ts";
import { createTaintRoute, taintPath } from "../routes/taint-route.ts";
import type { WorkerSystem } from "../system/start-system.ts";
import { watchedEngine } from "../system/watched-engine.ts";

/** What the init file of every worker type begins with. */
export interface InitOptions {
  readonly args: WorkerArgs;
  readonly runtime: DistributedRuntime;
  readonly engine: Engine;
  readonly card: ModelCard;
  readonly config: ModelConfig;
  readonly system: WorkerSystem | null;
  /** `null`: everything is taken. */
  readonly admission: AdmissionGate | null;
  /** Aborted when what still runs must end and go on elsewhere. */
  readonly shutdown: AbortSignal;
  readonly tokenizerDirectory: string;
  readonly logger: Logger;
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
  const { args, runtime, engine, card, system, admission, logger } = options;
  const guard = new RequestGuard();
  const served = await runtime
    .endpoint(card.endpoint)
    .serve(guard.wrap(handler), { admission: admission ?? undefined, deviceType: "cpu" });
  const watched = watchedEngine(engine, card);
  system?.watch(watched, card, admission);
  const announced = system?.hostCardFiles(card) ?? card;
  await served.registerModel(announced);
  system?.engineRoutes.add(taintPath, createTaintRoute(served, announced));
  system?.health.setEndpoint(served.id.endpoint, "ready");
  const control = openEngineRoutes({ args, logger, engine, served, system });
  return watchHealth({
    args,
    logger,
    health: system?.health ?? null,
    served,
    guard,
    handler,
    payload: await choosePayload(payload, args.values.worker.healthCheckPayload, logger),
    readProgress: () => watched.readProgress(),
    isPaused: () => control.isHalted,
  });
}
