// The current life of each (worker, rank).
import type { BlockForest } from "./block-forest.ts";
import type { WorkerLife } from "./worker-life.ts";

export class WorkerLives {
  readonly #forest: BlockForest;
  readonly #ranks = new Map<bigint, Map<number, WorkerLife>>();

  constructor(forest: BlockForest) {
    this.#forest = forest;
  }

  get(workerId: bigint, dpRank: number): WorkerLife | undefined {
    return this.#ranks.get(workerId)?.get(dpRank);
  }

  /** `null` when there are 65,536 already. */
  getOrBegin(workerId: bigint, dpRank: number): WorkerLife | null {
    const known = this.get(workerId, dpRank);
    if (known !== undefined) return known;
    const life = this.#forest.begin(workerId, dpRank);
    if (life === null) return null;
    const ranks = this.#ranks.get(workerId);
    if (ranks === undefined) this.#ranks.set(workerId, new Map([[dpRank, life]]));
    else ranks.set(dpRank, life);
    return life;
  }

  /** One rank, or all of the worker. */
  end(workerId: bigint, dpRank?: number): void {
    const ranks = this.#ranks.get(workerId);
    if (ranks === undefined) return;
    for (const life of ranks.values()) {
      if (dpRank !== undefined && life.dpRank !== dpRank) continue;
      this.#forest.end(life);
      ranks.delete(life.dpRank);
    }
    if (ranks.size === 0) this.#ranks.delete(workerId);
  }

  *[Symbol.iterator](): Generator<WorkerLife> {
    for (const ranks of this.#ranks.values()) yield* ranks.values();
  }
}
