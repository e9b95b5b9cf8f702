import type { CostSettings } from "../cost/cost-settings.ts";
import { type Pick, pickLowest } from "../cost/pick-lowest.ts";
import { pickTwoTier } from "../cost/pick-two-tier.ts";
import type { RouterSettings } from "./router-settings.ts";
import type { Candidate } from "./weigh-candidates.ts";

/** Shown in decisions. */
export function policyName(selection: RouterSettings["selection"]): string {
  if (selection.type === "profile") return selection.profile.name;
  return selection.type === "twoTier" ? "two-tier" : "cost";
}

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
  const picker = selection.type === "profile" ? selection.profile.picker : "lowest";
  if (picker === "first") return pickLowest(costs, 0, () => 0);
  if (picker === "power-of-two" && costs.length > 2) return pickOfTwo(costs, random);
  return pickLowest(costs, cost.temperature, random);
}

/** Two are drawn, the cheaper one wins: near the best, and not the same for everybody who decides at once. */
function pickOfTwo(costs: readonly number[], random: () => number): Pick {
  const first = Math.floor(random() * costs.length);
  // The second is drawn among the others, so that the two always differ.
  const step = 1 + Math.floor(random() * (costs.length - 1));
  const second = (first + step) % costs.length;
  const [a, b] = [costs[first]!, costs[second]!];
  return { index: b < a ? second : first, tieCount: a === b ? 2 : 1 };
}
