import type { FrontendMetrics } from "@dyn/metrics";
import type { ModelCard } from "@dyn/protocol";

/** The gauges of a model that became ready. */
export function tellModel(metrics: FrontendMetrics, card: ModelCard, migrationLimit: number): void {
  const { totalKvBlocks, maxNumSeqs, maxNumBatchedTokens } = card.runtimeConfig ?? {};
  metrics.modelConfigured(card.displayName, {
    contextLength: card.contextLength,
    kvBlockSize: card.kvCacheBlockSize,
    migrationLimit,
    ...(totalKvBlocks === undefined ? {} : { totalKvBlocks }),
    ...(maxNumSeqs === undefined ? {} : { maxRunningRequests: maxNumSeqs }),
    ...(maxNumBatchedTokens === undefined ? {} : { maxBatchedTokens: maxNumBatchedTokens }),
  });
  metrics.modelReady(card.displayName, true);
}
