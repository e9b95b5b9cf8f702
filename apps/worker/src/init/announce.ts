import type { WorkerArgs } from "@dyn/args";
import type { Engine } from "@dyn/engine";
import type { Logger } from "@dyn/logging";
import type { ModelCard } from "@dyn/protocol";
import type { AdmissionGate, DistributedRuntime, RequestHandler } from "@dyn/runtime";
import type { WorkerSystem } from "../system/start-system.ts";
import { watchedEngine } from "../system/watched-engine.ts";

/** What the init file of every worker type begins with. */
export interface InitOptions {
  readonly args: WorkerArgs;
  readonly runtime: DistributedRuntime;
  readonly engine: Engine;
  readonly card: ModelCard;
  readonly system: WorkerSystem | null;
  /** `null`: everything is taken. */
  readonly admission: AdmissionGate | null;
  /** Aborted when what still runs must end and go on elsewhere. */
  readonly shutdown: AbortSignal;
  readonly tokenizerDirectory: string;
  readonly logger: Logger;
}

/** Serves `generate`, then announces the model: nobody finds an endpoint that does not answer yet. */
export async function announce(
  { runtime, engine, card, system, admission }: InitOptions,
  handler: RequestHandler<unknown, unknown>,
): Promise<void> {
  const served = await runtime
    .endpoint(card.endpoint)
    .serve(handler, { admission: admission ?? undefined, deviceType: "cpu" });
  system?.watch(watchedEngine(engine, card), card, admission);
  await served.registerModel(system?.hostCardFiles(card) ?? card);
  system?.health.setEndpoint(served.id.endpoint, "ready");
}
