// An aggregated or a decode worker: token ids in and out, or chats and their chunks. A decode worker takes prompts over that
// others have prefilled, and prefills those that nobody has.
import {
  createClearKvBlocksHandler,
  createDecodeHandler,
  disaggregatedHealthPayload,
  tokenHealthPayload,
} from "@dyn/handlers";
import { parseEndpointId, type RequestHandler } from "@dyn/runtime";
import { loadTokenizer } from "@dyn/tokenizer";
import { answerPrompts, textHealthPayload } from "../health/text-payload.ts";
import { reportEngineDeath } from "../system/report-engine-death.ts";
import { announce, type InitOptions, observersOf } from "./announce.ts";
import { createTextHandler } from "./text-handler.ts";
import { createThinkingMarkers } from "./thinking-markers.ts";

/** Gives what must be closed behind the engine. */
export async function initGenerate(options: InitOptions): Promise<{ close(): Promise<void> }> {
  const { args, card, engine, page, runtime, system, shutdown, logger } = options;
  const tokens = reportEngineDeath(
    createDecodeHandler({
      engine,
      shutdown,
      observers: observersOf(options),
      thinkingMarkers: createThinkingMarkers(options),
      readWeightVersion: () => options.weightVersion.current,
      loadTokenizer: () => loadTokenizer(card.sourcePath),
      onPrefillHere: (cause) => {
        page.prefilledHere(cause.code);
        logger.warn("a prompt did not come from its prefill worker and is computed here", {
          cause: cause.code,
          error: cause.message,
        });
      },
    }),
    system?.health ?? null,
  );
  const { handler, close } =
    card.modelInput === "text"
      ? await createTextHandler(args, card, tokens)
      : { handler: tokens as RequestHandler<unknown, unknown>, close: async () => {} };
  await runtime
    .endpoint({ ...parseEndpointId(card.endpoint), endpoint: "clear_kv_blocks" })
    .serve(createClearKvBlocksHandler({ engine }), {
      observer: page.requestObserver("clear_kv_blocks"),
    });
  const isText = card.modelInput === "text";
  const { bosTokenId } = options.config;
  const payload =
    args.derived.workerType === "decode"
      ? disaggregatedHealthPayload({ bosTokenId, bootstrapPort: null })
      : tokenHealthPayload({ bosTokenId });
  const watch = await announce(
    options,
    isText ? answerPrompts(handler, card.displayName) : handler,
    isText ? textHealthPayload(payload) : payload,
  );
  return {
    close: async () => {
      watch.close();
      await close();
    },
  };
}
