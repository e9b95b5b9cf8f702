import type { SupportedOptions, WorkerConcerns } from "@dyn/args";
import { supportedOptions } from "./supported-options.ts";

/** The options that embedding and rerank workers act on; any other that is set is refused at start. */
export const supportedVectorOptions: SupportedOptions<WorkerConcerns> = {
  ...supportedOptions,
  engine: [
    "modelPath",
    "servedModelName",
    "tokenizerPath",
    "contextLength",
    "revision",
    "downloadDir",
    "loadFormat",
    "dtype",
    "quantization",
    "engine",
    "device",
    "threads",
    "tpSize",
    "dpSize",
    "pageSize",
    "maxQueuedRequests",
    "maxPrefillTokens",
    "disaggregationMode",
  ],
  worker: [
    "namespace",
    "namespaceWorkerSuffix",
    "endpoint",
    "componentName",
    "embeddingWorker",
    "rerankWorker",
    "migrationLimit",
    "engineRequestLimit",
    "requestQueueLimit",
    "healthCheckPayload",
  ],
  mock: [],
};
