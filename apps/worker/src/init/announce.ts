import type { WorkerArgs } from "@dyn/args";
import type { Engine } from "@dyn/engine";
import { createSpanObserver, type GenerationObserver } from "@dyn/handlers";
import type { Logger } from "@dyn/logging";
import type { ModelCard } from "@dyn/protocol";
import {
  type AdmissionGate,
  type DistributedRuntime,
  parseEndpointId,
  type RequestHandler,
} from "@dyn/runtime";
import type { Tracer } from "@dyn/tracing";
import type { EnginePage } from "../system/engine-page.ts";
import type { WorkerSystem } from "../system/start-system.ts";

/** What the init file of every worker type begins with. */
export interface InitOptions {
  readonly args: WorkerArgs;
  readonly runtime: DistributedRuntime;
  readonly engine: Engine;
  readonly card: ModelCard;
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

/** Serves `generate`, then announces the model: nobody finds an endpoint that does not answer yet. */
export async function announce(
  { runtime, card, system, page, admission }: InitOptions,
  handler: RequestHandler<unknown, unknown>,
): Promise<void> {
  const served = await runtime.endpoint(card.endpoint).serve(handler, {
    admission: admission ?? undefined,
    deviceType: "cpu",
    observer: page.requestObserver(parseEndpointId(card.endpoint).endpoint),
  });
  system?.watch(page, card, admission);
  await served.registerModel(system?.hostCardFiles(card) ?? card);
  system?.health.setEndpoint(served.id.endpoint, "ready");
}
