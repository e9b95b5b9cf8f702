export {
  type ClearKvBlocksAnswer,
  createClearKvBlocksHandler,
} from "./cache/clear-kv-blocks-handler.ts";
export { createDecodeHandler, type DecodeHandlerOptions } from "./decode/decode-handler.ts";
export { outputToItem } from "./decode/output-to-item.ts";
export { requestToGenerate } from "./decode/request-to-generate.ts";
export type { ThinkingMarkers } from "./decode/thinking-markers.ts";
export {
  createEmbeddingHandler,
  type EmbeddingHandlerOptions,
} from "./embedding/embedding-handler.ts";
export { embeddingHealthPayload } from "./embedding/health-payload.ts";
export { disaggregatedHealthPayload, tokenHealthPayload } from "./health/health-payload.ts";
export { isRealAnswer } from "./health/is-real-answer.ts";
export type { GenerationObservation, GenerationObserver } from "./observe/generation-observer.ts";
export { createSpanObserver } from "./observe/span-observer.ts";
export { traceHandler } from "./observe/trace-handler.ts";
export { createPrefillHandler } from "./prefill/prefill-handler.ts";
export { rerankHealthPayload } from "./rerank/health-payload.ts";
export { createRerankHandler, type RerankHandlerOptions } from "./rerank/rerank-handler.ts";
export { yesNoTokenIds } from "./rerank/yes-no-prompt.ts";
