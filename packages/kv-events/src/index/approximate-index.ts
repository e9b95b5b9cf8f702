// The prefix index for workers that tell nothing: it believes that a worker keeps what was sent to it, for a while or
// until there is no more room. The same questions as to the index of events; a guess can be wrong both ways.
import { KvIndex } from "./kv-index.ts";
import type { FindOptions, PrefixIndex, WorkerOverlap } from "./prefix-index.ts";

/** Prompts whose time is watched; beyond, the oldest are forgotten early. */
const maxDecisions = 1_000_000;

export interface ApproximateIndexOptions {
  /** How long a prompt is believed to be kept after it was last sent. `null`: until there is no room. Default 120 s. */
  readonly ttlMs?: number | null;
  /** Default 256 MiB; prompts that were not asked for lately leave first. */
  readonly maxBytes?: number;
  readonly onEvicted?: (blockCount: number) => void;
  /** Milliseconds that never go back. */
  readonly now?: () => number;
}

/** A prompt that was sent, by the name of its last block. */
interface Decision {
  readonly workerId: bigint;
  readonly dpRank: number;
  readonly lastBlock: bigint;
  readonly dueAtMs: number;
}

/** Filled by decisions instead of events. Bounded by blocks and by age. */
export class ApproximateIndex implements PrefixIndex {
  readonly #index: KvIndex;
  readonly #ttlMs: number | null;
  readonly #now: () => number;
  /** By due time, since every decision waits equally long. Those from #first on wait. */
  #decisions: Decision[] = [];
  #first = 0;
  #evictionCount = 0;

  constructor(options: ApproximateIndexOptions = {}) {
    this.#ttlMs = options.ttlMs === undefined ? 120_000 : options.ttlMs;
    this.#now = options.now ?? (() => performance.now());
    this.#index = new KvIndex({
      maxBytes: options.maxBytes ?? 2 ** 28,
      onEvicted: (blockCount) => {
        this.#evictionCount += 1;
        options.onEvicted?.(blockCount);
      },
    });
  }

  get blockCount(): number {
    this.expire();
    return this.#index.blockCount;
  }

  /** Blocks that made room for others, and how often room was made. */
  get evictions(): { readonly blockCount: number; readonly count: number } {
    return { blockCount: this.#index.counters.evictedBlocks, count: this.#evictionCount };
  }

  get sizeBytes(): number {
    return this.#index.sizeBytes;
  }

  /** The prompt goes to this worker's rank. */
  recordDecision(
    workerId: bigint,
    dpRank: number,
    hashes: { readonly localHashes: BigUint64Array; readonly sequenceHashes: BigUint64Array },
  ): void {
    this.expire();
    const { localHashes, sequenceHashes } = hashes;
    const lastBlock = sequenceHashes.at(-1);
    if (lastBlock === undefined) return;
    const dueAtMs = this.#ttlMs === null ? 0 : this.#now() + this.#ttlMs;
    this.#index.applyStored(workerId, dpRank, {
      parentHash: null,
      blockHashes: sequenceHashes,
      tokensHashes: localHashes,
    });
    if (this.#ttlMs === null) return;
    this.#index.setDeadlines(workerId, dpRank, lastBlock, dueAtMs);
    this.#decisions.push({ workerId, dpRank, lastBlock, dueAtMs });
    if (this.#decisions.length - this.#first > maxDecisions) this.#forgetOldest();
  }

  findMatches(sequenceHashes: BigUint64Array, options?: FindOptions): WorkerOverlap[] {
    this.expire();
    return this.#index.findMatches(sequenceHashes, options);
  }

  findMatchesByLocal(localHashes: BigUint64Array, options?: FindOptions): WorkerOverlap[] {
    this.expire();
    return this.#index.findMatchesByLocal(localHashes, options);
  }

  removeWorker(workerId: bigint, dpRank?: number): void {
    this.#index.removeWorker(workerId, dpRank);
  }

  /** There are more decisions than are kept: the oldest one is due now. */
  #forgetOldest(): void {
    const { workerId, dpRank, lastBlock, dueAtMs } = this.#decisions[this.#first++]!;
    this.#index.removeDue(workerId, dpRank, lastBlock, dueAtMs);
  }

  /** Forgets what is due. Every question does so; for idle moments too. */
  expire(): void {
    const nowMs = this.#now();
    for (; this.#first < this.#decisions.length; this.#first++) {
      const { workerId, dpRank, lastBlock, dueAtMs } = this.#decisions[this.#first]!;
      if (dueAtMs > nowMs) break;
      this.#index.removeDue(workerId, dpRank, lastBlock, nowMs);
    }
    if (this.#first > 1024 && this.#first > this.#decisions.length / 2) {
      this.#decisions = this.#decisions.slice(this.#first);
      this.#first = 0;
    }
  }
}
