// An aggregated worker: prefill and decode on one engine; token ids in and out, or chats and their chunks.
import type { WorkerArgs } from "@dyn/args";
import type { Engine } from "@dyn/engine";
import { createClearKvBlocksHandler, createDecodeHandler } from "@dyn/handlers";
import type { ModelCard } from "@dyn/protocol";
import {
  type AdmissionGate,
  type DistributedRuntime,
  parseEndpointId,
  type RequestHandler,
} from "@dyn/runtime";
import { loadTokenizer } from "@dyn/tokenizer";
import { reportEngineDeath } from "../system/report-engine-death.ts";
import type { WorkerSystem } from "../system/start-system.ts";
import { watchedEngine } from "../system/watched-engine.ts";
import { createTextHandler } from "./text-handler.ts";
import { createThinkingMarkers } from "./thinking-markers.ts";

/**
 * Serves `generate`, then announces the model: nobody finds an endpoint that does not answer yet.
 * Gives what must be closed behind the engine.
 */
export async function initGenerate(options: {
  readonly args: WorkerArgs;
  readonly runtime: DistributedRuntime;
  readonly engine: Engine;
  readonly card: ModelCard;
  readonly system: WorkerSystem | null;
  /** `null`: everything is taken. */
  readonly admission: AdmissionGate | null;
  readonly tokenizerDirectory: string;
  /** Aborted when what still runs must end and go on elsewhere. */
  readonly shutdown: AbortSignal;
}): Promise<{ close(): Promise<void> }> {
  const { args, runtime, engine, card, system, admission, shutdown, tokenizerDirectory } = options;
  const reasoningParser = card.runtimeConfig?.reasoningParser ?? undefined;
  const tokens = reportEngineDeath(
    createDecodeHandler({
      engine,
      shutdown,
      thinkingMarkers: createThinkingMarkers({ reasoningParser, tokenizerDirectory }),
      loadTokenizer: () => loadTokenizer(card.sourcePath),
    }),
    system?.health ?? null,
  );
  const { handler, close } =
    card.modelInput === "text"
      ? await createTextHandler(args, card, tokens)
      : { handler: tokens as RequestHandler<unknown, unknown>, close: async () => {} };
  const served = await runtime
    .endpoint(card.endpoint)
    .serve(handler, { admission: admission ?? undefined, deviceType: "cpu" });
  await runtime
    .endpoint({ ...parseEndpointId(card.endpoint), endpoint: "clear_kv_blocks" })
    .serve(createClearKvBlocksHandler({ engine }));
  system?.watch(watchedEngine(engine, card), card, admission);
  await served.registerModel(system?.hostCardFiles(card) ?? card);
  system?.health.setEndpoint(served.id.endpoint, "ready");
  return { close };
}
