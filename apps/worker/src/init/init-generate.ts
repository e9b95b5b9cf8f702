// An aggregated worker: prefill and decode on one engine, token ids in and out.
import type { Engine } from "@dyn/engine";
import { createDecodeHandler } from "@dyn/handlers";
import type { ModelCard } from "@dyn/protocol";
import type { AdmissionGate, DistributedRuntime } from "@dyn/runtime";
import { reportEngineDeath } from "../system/report-engine-death.ts";
import type { WorkerSystem } from "../system/start-system.ts";

/** Serves `generate`, then announces the model: nobody finds an endpoint that does not answer yet. */
export async function initGenerate(options: {
  readonly runtime: DistributedRuntime;
  readonly engine: Engine;
  readonly card: ModelCard;
  readonly system: WorkerSystem | null;
  /** `null`: everything is taken. */
  readonly admission: AdmissionGate | null;
  /** Aborted when what still runs must end and go on elsewhere. */
  readonly shutdown: AbortSignal;
}): Promise<void> {
  const { runtime, engine, card, system, admission, shutdown } = options;
  const handler = reportEngineDeath(
    createDecodeHandler({ engine, shutdown }),
    system?.health ?? null,
  );
  const served = await runtime
    .endpoint(card.endpoint)
    .serve(handler, { admission: admission ?? undefined, deviceType: "cpu" });
  system?.watch(engine, card, admission);
  await served.registerModel(system?.hostCardFiles(card) ?? card);
  system?.health.setEndpoint(served.id.endpoint, "ready");
}
