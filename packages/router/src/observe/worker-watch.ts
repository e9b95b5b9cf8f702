// Looks again and again for workers that a KV router cannot know, and says so once for each.
import type { KvIndex } from "@dyn/kv-events";
import type { KvEventIntake } from "../intake/kv-event-intake.ts";
import type { WorkerDirectory } from "../intake/worker-facts.ts";
import { type RankId, rankKey } from "../load/active-requests.ts";
import type { CacheAudit } from "./cache-audit.ts";
import { problemOf, type WorkerProblem } from "./worker-problems.ts";

export interface WorkerWatchOptions {
  readonly intake: KvEventIntake;
  readonly index: KvIndex;
  readonly workers: WorkerDirectory;
  readonly audit: CacheAudit;
  readonly blockSize: number;
  readonly now: () => number;
  readonly onWarned: (message: string) => void;
}

export class WorkerWatch {
  readonly #options: WorkerWatchOptions;
  readonly #seenMs = new Map<bigint, number>();
  readonly #answered = new Map<string, number>();
  readonly #warned = new Set<string>();
  #problems: readonly WorkerProblem[] = [];

  constructor(options: WorkerWatchOptions) {
    this.#options = options;
  }

  /** As of the last check. */
  get problems(): readonly WorkerProblem[] {
    return this.#problems;
  }

  /** It came to the end of a request that has a complete block. */
  answered(rank: RankId): void {
    const key = rankKey(rank);
    this.#answered.set(key, (this.#answered.get(key) ?? 0) + 1);
  }

  check(workerIds: readonly bigint[]): void {
    const { workers, now, onWarned } = this.#options;
    const problems: WorkerProblem[] = [];
    for (const workerId of workerIds) {
      if (!this.#seenMs.has(workerId)) this.#seenMs.set(workerId, now());
      for (const rank of workers.ranks(workerId)) {
        const problem = this.#problemOf(rank);
        if (problem !== null) problems.push(problem);
      }
    }
    problems.push(...this.#options.audit.problems());
    this.#problems = problems;
    for (const { workerId, dpRank, kind, message } of problems) {
      const key = `${workerId}:${dpRank}:${kind}`;
      if (this.#warned.has(key)) continue;
      this.#warned.add(key);
      onWarned(message);
    }
  }

  removeWorker(workerId: bigint): void {
    this.#seenMs.delete(workerId);
    for (const keys of [this.#answered, this.#warned]) {
      for (const key of keys.keys()) if (key.startsWith(`${workerId}:`)) keys.delete(key);
    }
  }

  #problemOf(rank: RankId): WorkerProblem | null {
    const { intake, index, workers, blockSize, now } = this.#options;
    const counters = intake.follower(rank)?.counters;
    const isInIndex = index
      .workers()
      .some((it) => rankKey(it) === rankKey(rank) && it.blockCount > 0);
    return problemOf(
      {
        ...rank,
        hasSource: counters !== undefined,
        appliedEvents: isInIndex ? 1 : (counters?.appliedEvents ?? 0),
        emptyStored: counters?.emptyStored ?? 0,
        storedBlocks: counters?.storedBlocks ?? 0,
        blockSize: workers.get(rank.workerId).blockSize,
        ageMs: now() - this.#seenMs.get(rank.workerId)!,
        answeredCount: this.#answered.get(rankKey(rank)) ?? 0,
      },
      blockSize,
    );
  }
}
