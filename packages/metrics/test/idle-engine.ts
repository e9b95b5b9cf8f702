import type { EngineMetricsLike } from "@dyn/metrics";

/** Nothing was asked of it yet. */
export const idle: EngineMetricsLike = {
  runningRequests: 0,
  waitingRequests: 0,
  pagesTotal: 100,
  pagesFree: 100,
  pagesCached: 0,
  pagesUsed: 0,
  promptTokens: 0,
  cachedTokens: 0,
  generatedTokens: 0,
  finishedRequests: 0,
  abortedRequests: 0,
  retractions: 0,
  prefillSteps: 0,
  decodeSteps: 0,
  generationThroughput: 0,
};
