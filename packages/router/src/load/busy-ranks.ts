// Which ranks are above their thresholds: workers' own reports and what was routed to them, against what their cards say.
import type { WorkerDirectory } from "../intake/worker-facts.ts";
import type { QueueSettings } from "../queue/request-queue.ts";
import type { ActiveRequests, RankId } from "./active-requests.ts";
import {
  type BusyThresholds,
  checkBusyThresholds,
  isBusy,
  LoadReports,
} from "./busy-thresholds.ts";

export class BusyRanks {
  readonly reports = new LoadReports();
  readonly #workers: WorkerDirectory;
  readonly #active: ActiveRequests;
  #thresholds: BusyThresholds;

  constructor(options: {
    readonly workers: WorkerDirectory;
    readonly active: ActiveRequests;
    readonly thresholds: BusyThresholds;
  }) {
    this.#workers = options.workers;
    this.#active = options.active;
    this.#thresholds = options.thresholds;
  }

  get thresholds(): BusyThresholds {
    return this.#thresholds;
  }

  set thresholds(thresholds: BusyThresholds) {
    this.#thresholds = checkBusyThresholds(thresholds);
  }

  isBusy(rank: RankId): boolean {
    return this.isAbove(rank, this.#thresholds);
  }

  /** Share of the rank's KV blocks in use by its own report; 0: it reports nothing. */
  kvUsage(rank: RankId): number {
    const { totalKvBlocks } = this.#workers.get(rank.workerId);
    const used = this.reports.get(rank)?.kvUsedBlocks ?? 0;
    return totalKvBlocks === 0 ? 0 : used / totalKvBlocks;
  }

  /** For the queue: some rank of the workers is below its share of prefill. */
  hasRoom(
    workerIds: readonly bigint[],
    queue: Pick<QueueSettings, "thresholdTokens" | "thresholdFrac">,
  ): boolean {
    const thresholds = {
      activeDecodeBlocks: null,
      activePrefillTokens: queue.thresholdTokens,
      activePrefillTokensFrac: queue.thresholdFrac,
    };
    return workerIds
      .flatMap((workerId) => this.#workers.ranks(workerId))
      .some((rank) => !this.isAbove(rank, thresholds));
  }

  isAbove(rank: RankId, thresholds: BusyThresholds): boolean {
    const { totalKvBlocks, maxBatchedTokens } = this.#workers.get(rank.workerId);
    return isBusy({
      thresholds,
      report: this.reports.get(rank),
      activePrefillTokens: this.#active.activePrefillTokens(rank),
      totalKvBlocks,
      maxBatchedTokens,
    });
  }
}
