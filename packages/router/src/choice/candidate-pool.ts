// The ranks that a request may go to, weighed: workers, their books and what they have cached, in one look.
import type { PreprocessedRequest } from "@dyn/protocol";
import type { CostSettings } from "../cost/cost-settings.ts";
import type { CachedBlocks } from "../cost/worker-cost.ts";
import type { WorkerDirectory } from "../intake/worker-facts.ts";
import type { ActiveRequests, RankId } from "../load/active-requests.ts";
import type { BusyRanks } from "../load/busy-ranks.ts";
import { applyProfile } from "../policy/apply-profile.ts";
import type { RouteQuery } from "./route-query.ts";
import { unknownRank } from "./router-errors.ts";
import type { RouterSettings } from "./router-settings.ts";
import type { TaintDemand } from "./taint-demand.ts";
import { type Candidate, weighCandidates } from "./weigh-candidates.ts";

export interface CandidatePoolOptions {
  readonly blockSize: number;
  readonly settings: RouterSettings;
  readonly workers: WorkerDirectory;
  readonly active: ActiveRequests;
  readonly busy: BusyRanks;
}

export interface WeighedRequest {
  readonly request: PreprocessedRequest;
  /** [blockCount] keys of its complete blocks. */
  readonly blockKeys: Float64Array;
  /** By `rankKey`. */
  readonly overlaps: ReadonlyMap<string, CachedBlocks>;
  readonly cost: CostSettings;
  readonly demand: TaintDemand;
}

export class CandidatePool {
  readonly #options: CandidatePoolOptions;

  constructor(options: CandidatePoolOptions) {
    this.#options = options;
  }

  /** All ranks of the workers, or the one that the request names. Throws where that is unknown. */
  ranks({
    request,
    workerIds,
    pin = null,
  }: Pick<RouteQuery, "request" | "workerIds" | "pin">): RankId[] {
    const { workers } = this.#options;
    if (pin === null) return workerIds.flatMap((workerId) => workers.ranks(workerId));
    const ranks = workers.ranks(pin);
    const wanted = request.routing?.dp_rank;
    if (wanted == null) return ranks;
    const rank = ranks[wanted];
    if (rank === undefined) throw unknownRank(wanted, ranks.length);
    return [rank];
  }

  /** One for each rank, in their order. */
  weigh(ranks: readonly RankId[], weighed: WeighedRequest): Candidate[] {
    const { request, blockKeys, overlaps, cost, demand } = weighed;
    const { blockSize, settings, workers, active, busy } = this.#options;
    const { selection, imbalanceBound } = settings;
    const size = {
      tokenCount: request.token_ids.length,
      blockSize,
      blockCount: blockKeys.length,
    };
    const candidates = weighCandidates({
      size,
      blockKeys,
      ranks,
      overlaps,
      active,
      totalKvBlocksOf: (workerId) => workers.get(workerId).totalKvBlocks,
      cost,
      demand,
      taintsOf: (workerId) => workers.get(workerId).taints,
      isBusy: (rank) => busy.isBusy(rank),
      imbalanceBound: selection.type === "profile" ? null : imbalanceBound,
    });
    if (selection.type !== "profile") return candidates;
    const kvUsage = (rank: RankId) => busy.kvUsage(rank);
    return applyProfile(selection.profile, candidates, { size, cost, kvUsage });
  }
}
