// When a worker has no room for more, by its own reports and by what was routed to it.

import type { WorkerLoad } from "@dyn/kv-events";
import { InvalidArgumentError } from "@dyn/protocol";
import { type RankId, rankKey } from "./active-requests.ts";

/** `null` = no such bound. All are strict: busy is above. */
export interface BusyThresholds {
  /** Share of a rank's KV blocks, 0 to 1. */
  readonly activeDecodeBlocks: number | null;
  readonly activePrefillTokens: number | null;
  /** As a share of the largest batch in tokens. */
  readonly activePrefillTokensFrac: number | null;
}

/** Who leaves out workers that are above. */
export interface ThresholdHolder {
  readonly thresholds: BusyThresholds;
  /** Throws InvalidArgumentError for one that is out of its range. */
  setThresholds(thresholds: BusyThresholds): void;
}

/** Nobody is ever busy. */
export const noThresholds: BusyThresholds = Object.freeze({
  activeDecodeBlocks: null,
  activePrefillTokens: null,
  activePrefillTokensFrac: null,
});

/** Gives them back, or throws InvalidArgumentError for one that is out of its range. */
export function checkBusyThresholds(thresholds: BusyThresholds): BusyThresholds {
  const { activeDecodeBlocks: decode } = thresholds;
  if (decode !== null && !(decode >= 0 && decode <= 1)) {
    throw new InvalidArgumentError(
      `active_decode_blocks_threshold is ${decode}; give a share from 0 to 1, or null.`,
      { param: "active_decode_blocks_threshold" },
    );
  }
  for (const [name, value] of [
    ["active_prefill_tokens_threshold", thresholds.activePrefillTokens],
    ["active_prefill_tokens_threshold_frac", thresholds.activePrefillTokensFrac],
  ] as const) {
    if (value === null || (Number.isFinite(value) && value >= 0)) continue;
    throw new InvalidArgumentError(`${name} is ${value}; give a number from 0 on, or null.`, {
      param: name,
    });
  }
  return thresholds;
}

/** What workers last said of themselves, by rank. */
export class LoadReports {
  readonly #loads = new Map<string, WorkerLoad>();

  /** Replaces the one before. */
  take(load: WorkerLoad): void {
    this.#loads.set(rankKey(load), load);
  }

  get(rankId: RankId): WorkerLoad | undefined {
    return this.#loads.get(rankKey(rankId));
  }

  removeWorker(workerId: bigint): void {
    for (const [key, load] of this.#loads) if (load.workerId === workerId) this.#loads.delete(key);
  }
}

export function isBusy(options: {
  readonly thresholds: BusyThresholds;
  readonly report: WorkerLoad | undefined;
  readonly activePrefillTokens: number;
  /** 0 = unknown. */
  readonly totalKvBlocks: number;
  /** 0 = unknown. */
  readonly maxBatchedTokens: number;
}): boolean {
  const { thresholds, report, activePrefillTokens, totalKvBlocks, maxBatchedTokens } = options;
  const { activeDecodeBlocks: share } = thresholds;
  if (share !== null && report !== undefined && totalKvBlocks > 0) {
    const used = Math.max(report.kvUsedBlocks ?? 0, report.activeDecodeBlocks ?? 0);
    if (used / totalKvBlocks > share) return true;
  }
  if (thresholds.activePrefillTokens !== null) {
    if (activePrefillTokens > thresholds.activePrefillTokens) return true;
  }
  const fraction = thresholds.activePrefillTokensFrac;
  return (
    fraction !== null && maxBatchedTokens > 0 && activePrefillTokens > fraction * maxBatchedTokens
  );
}
