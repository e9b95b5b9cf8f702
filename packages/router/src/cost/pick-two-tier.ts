import type { Pick } from "./pick-lowest.ts";

/** `dynamo-two-tier-cost-fn`. */
export interface TwoTierSettings {
  /** Share of a request's blocks above which the cache decides. */
  readonly cacheThreshold: number;
  readonly balanceAbsThreshold: number;
  readonly balanceRelThreshold: number;
}

/** Dynamo's. */
export const defaultTwoTierSettings: TwoTierSettings = Object.freeze({
  cacheThreshold: 0.5,
  balanceAbsThreshold: 32,
  balanceRelThreshold: 1.1,
});

/**
 * Balance first: when the busiest is too far ahead the least loaded gets it. Else a good prefix decides, and the least loaded
 * among its holders; else the least loaded. Ties go to the first in the given order.
 */
export function pickTwoTier(
  candidates: readonly { readonly activeRequests: number; readonly deviceBlocks: number }[],
  blockCount: number,
  settings: TwoTierSettings,
): Pick {
  const loads = candidates.map(({ activeRequests }) => activeRequests);
  const max = Math.max(...loads);
  const min = Math.min(...loads);
  const isUneven =
    max - min > settings.balanceAbsThreshold && max > settings.balanceRelThreshold * min;
  const best = Math.max(...candidates.map(({ deviceBlocks }) => deviceBlocks));
  const hasPrefix = !isUneven && blockCount > 0 && best / blockCount > settings.cacheThreshold;
  let index = -1;
  let tieCount = 0;
  for (const [i, { activeRequests, deviceBlocks }] of candidates.entries()) {
    if (hasPrefix && deviceBlocks < best) continue;
    const least = index === -1 ? Number.POSITIVE_INFINITY : loads[index]!;
    if (activeRequests === least) tieCount += 1;
    if (activeRequests >= least) continue;
    index = i;
    tieCount = 1;
  }
  return { index, tieCount };
}
