export {
  type ClearKvBlocksAnswer,
  createClearKvBlocksHandler,
} from "./cache/clear-kv-blocks-handler.ts";
export { createDecodeHandler, type DecodeHandlerOptions } from "./decode/decode-handler.ts";
export { outputToItem } from "./decode/output-to-item.ts";
export { requestToGenerate } from "./decode/request-to-generate.ts";
export type { ThinkingMarkers } from "./decode/thinking-markers.ts";
export { disaggregatedHealthPayload, tokenHealthPayload } from "./health/health-payload.ts";
export { createPrefillHandler } from "./prefill/prefill-handler.ts";
