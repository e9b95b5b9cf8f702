// A prefill worker: prompts in, their KV to decode workers; no token of it reaches a client.
import { createPrefillHandler, disaggregatedHealthPayload } from "@dyn/handlers";
import { reportEngineDeath } from "../system/report-engine-death.ts";
import { announce, type InitOptions, observersOf } from "./announce.ts";
import { createThinkingMarkers } from "./thinking-markers.ts";
import { warmUp } from "./warm-up.ts";

/** Serves and announces only what has computed a prompt: a prefill that fails costs two workers. */
export async function initPrefill(options: InitOptions): Promise<{ close(): Promise<void> }> {
  const { engine, system, shutdown } = options;
  await warmUp(engine);
  const handler = createPrefillHandler({
    engine,
    shutdown,
    observers: observersOf(options),
    thinkingMarkers: createThinkingMarkers(options),
  });
  const watch = await announce(
    options,
    reportEngineDeath(handler, system?.health ?? null),
    disaggregatedHealthPayload({
      bosTokenId: options.config.bosTokenId,
      bootstrapPort: engine.info.disaggregation?.bootstrapPort ?? null,
    }),
  );
  return { close: async () => watch.close() };
}
