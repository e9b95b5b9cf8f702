// Workers that a KV router cannot know: they tell nothing of their cache, or count in blocks of another size.
import type { RankId } from "../load/active-requests.ts";

export type WorkerProblemKind =
  | "no_kv_events"
  | "block_size_mismatch"
  | "unusable_events"
  /** Its engine finds other prefixes cached than its events told of. */
  | "cache_drift";

export interface WorkerProblem extends RankId {
  readonly kind: WorkerProblemKind;
  readonly message: string;
}

export interface ObservedRank extends RankId {
  readonly hasSource: boolean;
  readonly appliedEvents: number;
  readonly emptyStored: number;
  readonly storedBlocks: number;
  /** 0 = unknown. */
  readonly blockSize: number;
  /** Milliseconds since it was first seen. */
  readonly ageMs: number;
  /** Requests with at least one complete block that it has answered. */
  readonly answeredCount: number;
}

/** Time for a worker that just came to register its source. */
const graceMs = 5_000;
/** Answers after which a worker that said nothing is taken for silent. */
const silentAfter = 8;

/** What is wrong with it; `null`: nothing that can be seen. */
export function problemOf(rank: ObservedRank, routerBlockSize: number): WorkerProblem | null {
  const { workerId, dpRank } = rank;
  const who = `Worker ${workerId} (${workerId.toString(16)}) rank ${dpRank}`;
  const problem = (kind: WorkerProblemKind, message: string) => ({
    workerId,
    dpRank,
    kind,
    message: `${who} ${message}`,
  });
  if (rank.blockSize > 0 && rank.blockSize !== routerBlockSize) {
    return problem(
      "block_size_mismatch",
      `counts in blocks of ${rank.blockSize} tokens and the router in ${routerBlockSize}: its cache is never matched. Give all workers of the model one page size.`,
    );
  }
  if (!rank.hasSource && rank.ageMs >= graceMs) {
    return problem(
      "no_kv_events",
      "publishes no KV events, so --router-mode kv cannot see its cache. Start it with --kv-events-config, or the frontend with --no-router-kv-events.",
    );
  }
  if (rank.emptyStored > 0 && rank.storedBlocks === 0) {
    return problem(
      "unusable_events",
      "sends KV events without usable blocks: its engine's block size is another than its card says. Make --page-size of the engine and the worker agree.",
    );
  }
  if (rank.hasSource && rank.appliedEvents === 0 && rank.answeredCount >= silentAfter) {
    return problem(
      "no_kv_events",
      `has answered ${rank.answeredCount} requests and told of no cached block. Check that its engine publishes KV events and that its event plane is this frontend's.`,
    );
  }
  return null;
}
