// An aggregated or a decode worker: token ids in and out. A decode worker takes prompts over that others have prefilled,
// and prefills those that nobody has.
import { createDecodeHandler } from "@dyn/handlers";
import { reportEngineDeath } from "../system/report-engine-death.ts";
import { announce, type InitOptions } from "./announce.ts";
import { createThinkingMarkers } from "./thinking-markers.ts";

export async function initGenerate(options: InitOptions): Promise<void> {
  const { engine, system, shutdown, logger } = options;
  const handler = createDecodeHandler({
    engine,
    shutdown,
    thinkingMarkers: createThinkingMarkers(options),
    onPrefillHere: (cause) =>
      logger.warn("a prompt did not come from its prefill worker and is computed here", {
        cause: cause.code,
        error: cause.message,
      }),
  });
  await announce(options, reportEngineDeath(handler, system?.health ?? null));
}
