// The ranks that a request might go to: what each has of it, how loaded it is, what it would cost, and why it may not be taken.

import type { CostSettings } from "../cost/cost-settings.ts";
import {
  type CachedBlocks,
  noCachedBlocks,
  type RequestSize,
  workerCost,
} from "../cost/worker-cost.ts";
import type { CandidateRecord } from "../decision/decision-record.ts";
import { type ActiveRequests, type RankId, rankKey } from "../load/active-requests.ts";
import type { TaintDemand } from "./taint-demand.ts";

export interface Candidate extends RankId {
  readonly record: CandidateRecord;
  /** By what the request prefers: its cost is multiplied by it. */
  readonly preference: number;
}

export interface WeighOptions {
  readonly size: RequestSize;
  /** [blockCount] keys of the request's complete blocks. */
  readonly blockKeys: Float64Array;
  readonly ranks: readonly RankId[];
  /** By `rankKey`; who is missing has nothing. */
  readonly overlaps: ReadonlyMap<string, CachedBlocks>;
  readonly active: ActiveRequests;
  /** KV blocks of a worker's rank; 0 = unknown. */
  readonly totalKvBlocksOf: (workerId: bigint) => number;
  readonly cost: CostSettings;
  readonly demand: TaintDemand;
  readonly taintsOf: (workerId: bigint) => ReadonlySet<string>;
  readonly isBusy: (rank: RankId) => boolean;
  /** See `RouterSettings.imbalanceBound`. */
  readonly imbalanceBound: number | null;
}

/** Below so many running requests a rank is never held back for balance. */
const unboundedRequests = 8;
const noTaints: ReadonlySet<string> = new Set();

/** One for each rank, in their order. */
export function weighCandidates(options: WeighOptions): Candidate[] {
  const { size, blockKeys, ranks, overlaps, active, cost, demand } = options;
  const rooms = ranks.map(({ workerId }) => options.totalKvBlocksOf(workerId));
  // Nobody is judged by his room beside one whose room is not known.
  const knowsRooms = !rooms.includes(0);
  const weighed = ranks.map((rank, i) => ({
    rank,
    cached: overlaps.get(rankKey(rank)) ?? noCachedBlocks,
    load: { ...active.loadWith(rank, blockKeys), totalKvBlocks: knowsRooms ? rooms[i]! : 0 },
    taints: demand.isEmpty ? noTaints : options.taintsOf(rank.workerId),
  }));
  const total = weighed.reduce((sum, { load }) => sum + load.activeRequests, 0);
  const most = mostRequests(options.imbalanceBound, total, ranks.length);
  const excluded = weighed.map(({ rank, load, taints }) => {
    if (!demand.required.every((taint) => taints.has(taint))) return "taints" as const;
    if (options.isBusy(rank)) return "busy" as const;
    return load.activeRequests + 1 > most ? ("bound" as const) : null;
  });
  // A bound among those that are left keeps none: balance between the busy and the forbidden is no reason to refuse.
  const isBoundOnly = excluded.every((reason) => reason !== null);
  let least = Number.POSITIVE_INFINITY;
  for (const { load } of weighed) least = Math.min(least, load.activePrefillTokens);
  return weighed.map(({ rank, cached, load, taints }, i) => {
    const { credit, logit } = workerCost(size, cached, load, least, cost);
    const preference = demand.factor(taints);
    return {
      ...rank,
      preference,
      record: {
        ...rank,
        deviceBlocks: cached.deviceBlocks,
        hostBlocks: cached.hostBlocks,
        diskBlocks: cached.diskBlocks,
        ...load,
        credit,
        logit: logit * preference,
        excluded: isBoundOnly && excluded[i] === "bound" ? null : excluded[i]!,
      },
    };
  });
}

function mostRequests(bound: number | null, total: number, rankCount: number): number {
  if (bound === null || rankCount < 2) return Number.POSITIVE_INFINITY;
  return Math.max(unboundedRequests, Math.ceil((bound * (total + 1)) / rankCount));
}
