import type { CostSettings } from "../cost/cost-settings.ts";
import { type Pick, pickLowest } from "../cost/pick-lowest.ts";
import { pickTwoTier } from "../cost/pick-two-tier.ts";
import type { RouterSettings } from "./router-settings.ts";
import type { Candidate } from "./weigh-candidates.ts";

/** The winner among those that may be taken; `open` has at least one. */
export function pickCandidate(
  open: readonly Candidate[],
  blockCount: number,
  selection: RouterSettings["selection"],
  cost: CostSettings,
  random: () => number,
): Pick {
  if (selection.type === "twoTier") {
    const records = open.map(({ record }) => record);
    return pickTwoTier(records, blockCount, selection.settings);
  }
  const costs = open.map(({ record }) => record.logit);
  return pickLowest(costs, cost.temperature, random);
}
