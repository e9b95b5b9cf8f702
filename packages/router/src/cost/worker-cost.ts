// What a request would cost at a worker's rank: the cost function of Dynamo 1.6.1, in blocks, over loads that are counted as
// there or estimated.
import type { CostSettings } from "./cost-settings.ts";
import { decodeWeight } from "./decode-weight.ts";

/** Leading blocks of the request in a worker's tiers, cumulative. */
export interface CachedBlocks {
  readonly deviceBlocks: number;
  readonly hostBlocks: number;
  readonly diskBlocks: number;
}

export interface RankLoad {
  /** Prompt tokens that wait for their prefill or are in it. */
  readonly activePrefillTokens: number;
  /** Distinct complete blocks of running requests, this one's among them. */
  readonly decodeBlocks: number;
  readonly activeRequests: number;
  /** 0 = unknown, of this rank or of one that it is compared with. */
  readonly totalKvBlocks: number;
}

export interface RequestSize {
  readonly tokenCount: number;
  readonly blockSize: number;
  /** Complete blocks. */
  readonly blockCount: number;
}

export interface WorkerCost {
  /** Weighted cached blocks. */
  readonly credit: number;
  /** The smallest wins. */
  readonly logit: number;
}

export const noCachedBlocks: CachedBlocks = Object.freeze({
  deviceBlocks: 0,
  hostBlocks: 0,
  diskBlocks: 0,
});

/** `leastPrefillTokens`: of the eligible rank with the fewest. */
export function workerCost(
  request: RequestSize,
  cached: CachedBlocks,
  load: RankLoad,
  leastPrefillTokens: number,
  settings: CostSettings,
): WorkerCost {
  const { tokenCount, blockSize, blockCount } = request;
  const excessBlocks = (load.activePrefillTokens - leastPrefillTokens) / blockSize;
  const decay = 1 + (settings.overlapScoreCreditDecay * excessBlocks) / Math.max(1, blockCount);
  const credit =
    (settings.overlapScoreCredit / decay) * cached.deviceBlocks +
    settings.hostCacheHitWeight * (cached.hostBlocks - cached.deviceBlocks) +
    settings.diskCacheHitWeight * (cached.diskBlocks - cached.hostBlocks);
  const decodeBlocks = decodeCost(load, settings);
  const requests = settings.decodeActiveRequestWeight * load.activeRequests;
  if (!settings.trackPrefillTokens) {
    return { credit, logit: Math.max(0, decodeBlocks - credit) + requests };
  }
  const prefillBlocks = (load.activePrefillTokens + tokenCount) / blockSize;
  const adjusted = Math.max(0, prefillBlocks - credit);
  return { credit, logit: settings.prefillLoadScale * adjusted + decodeBlocks + requests };
}

/** Running blocks of a rank, in blocks to prefill. */
export function decodeCost(
  { decodeBlocks, totalKvBlocks }: Pick<RankLoad, "decodeBlocks" | "totalKvBlocks">,
  { trackActiveBlocks, loadModel }: CostSettings,
): number {
  if (!trackActiveBlocks) return 0;
  return loadModel === "counted"
    ? decodeBlocks
    : decodeWeight(decodeBlocks, totalKvBlocks) * decodeBlocks;
}
