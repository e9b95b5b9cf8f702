import type { EmbeddingEngine } from "@dyn/engine";
import type { ModelCard } from "@dyn/protocol";
import { formatEndpointId } from "@dyn/runtime";
import type { VectorWorkerParts } from "../vectors/vector-worker-parts.ts";

/** What frontends are told of the model: they pass text on. */
export function createVectorCard(
  { args, tokenizerDirectory, files }: VectorWorkerParts,
  type: "embedding" | "rerank",
  engine: EmbeddingEngine,
): ModelCard {
  const [name, ...aliases] = args.derived.servedModelNames;
  const { contextLength, maxBatchTokens } = engine.info;
  return {
    displayName: name,
    ...(aliases.length === 0 ? {} : { aliases }),
    sourcePath: tokenizerDirectory,
    modelTypes: [type],
    modelInput: "text",
    contextLength,
    kvCacheBlockSize: args.values.engine.pageSize,
    endpoint: formatEndpointId(args.derived.endpoint),
    created: Math.floor(Date.now() / 1000),
    files,
    workerType: "aggregated",
    needs: [],
    migrationLimit: args.values.worker.migrationLimit,
    runtimeConfig: {
      maxNumBatchedTokens: maxBatchTokens,
      enableLocalIndexer: false,
      kvEventPublishingEnabled: false,
    },
  };
}
