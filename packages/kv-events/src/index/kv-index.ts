// The prefix index that events fill: which worker's rank holds which prefix, and in which tier.
import { toSignedWords } from "../codec/block-ids.ts";
import type { RouterEvent } from "../codec/router/router-event.ts";
import { type StorageTier, storageTiers } from "../codec/storage-tier.ts";
import { hashSeed } from "../hashing/hash-seed.ts";
import { passHashes, Xxh3 } from "../hashing/xxh3.ts";
import type { ApplyOutcome } from "./apply-outcome.ts";
import { maxRecords, maxRun } from "./block-core.ts";
import { BlockDeadlines } from "./block-deadlines.ts";
import { BlockForest } from "./block-forest.ts";
import { BlockStore } from "./block-store.ts";
import { dumpForest } from "./dump-forest.ts";
import type { KvIndexCounters } from "./kv-index-counters.ts";
import type { KvIndexOptions } from "./kv-index-options.ts";
import type { FindOptions, PrefixIndex, WorkerOverlap } from "./prefix-index.ts";
import { PrefixSearch } from "./prefix-search.ts";
import { WorkerLives } from "./worker-lives.ts";

/** Steps of taking back ended lives for each block that is stored; an entry takes two. */
const reclaimStepsPerBlock = 4;
/** The most that a block takes: two records of 24 bytes, two slots of 6 bytes in tables that are 56 % full on average. */
const bytesPerBlock = 70;

export interface WorkerBlocks {
  readonly workerId: bigint;
  readonly dpRank: number;
  readonly blockCount: number;
}

/** Tens of millions of blocks in 70 bytes each at most; beyond `maxBytes` the oldest make room. For one thread; needs no close. */
export class KvIndex implements PrefixIndex {
  readonly #forest = new BlockForest();
  readonly #lives = new WorkerLives(this.#forest);
  readonly #search = new PrefixSearch(this.#forest);
  /** Made when somebody sets the first one. */
  #deadlines: BlockDeadlines | null = null;
  /** Sequence hashes of the prompt that is asked for. */
  #asked = new BigUint64Array(1024);
  readonly #xxh3 = new Xxh3();
  readonly #maxRecords: number;
  readonly #blocks: BlockStore;
  readonly counters: KvIndexCounters = {
    storedBlocks: 0,
    removedBlocks: 0,
    clears: 0,
    unknownParents: 0,
    unknownBlocks: 0,
    reusedIds: 0,
    evictedBlocks: 0,
    repeatedStores: 0,
  };

  constructor(options: KvIndexOptions = {}) {
    this.#maxRecords = Math.min(
      (options.maxBytes ?? Number.POSITIVE_INFINITY) / bytesPerBlock,
      maxRecords,
    );
    this.#blocks = new BlockStore({
      forest: this.#forest,
      xxh3: this.#xxh3,
      counters: this.counters,
      maxRecords: this.#maxRecords,
      onEvicted: options.onEvicted ?? (() => {}),
    });
  }

  get blockCount(): number {
    return this.#forest.blockCount;
  }

  /** Where old blocks make room for new ones. */
  get limitBytes(): number {
    return this.#maxRecords * bytesPerBlock;
  }

  get sizeBytes(): number {
    return this.#forest.sizeBytes + (this.#deadlines?.sizeBytes ?? 0);
  }

  /** Records in use, those of removed workers among them until they are taken back. */
  recordCounts(): { readonly nodes: number; readonly entries: number } {
    const { nodes, entries } = this.#forest;
    return { nodes: nodes.recordCount, entries: entries.recordCount };
  }

  /** Of every rank that was heard of. */
  workers(): WorkerBlocks[] {
    return Array.from(this.#lives, ({ workerId, dpRank, blockCount }) => ({
      workerId,
      dpRank,
      blockCount,
    }));
  }

  apply(event: RouterEvent): ApplyOutcome {
    const { workerId, dpRank, storageTier, data } = event;
    switch (data.type) {
      case "stored":
        return this.applyStored(workerId, dpRank, data, storageTier);
      case "removed":
        return this.applyRemoved(workerId, dpRank, data.blockHashes, storageTier);
      case "cleared":
        return this.applyCleared(workerId, dpRank);
    }
  }

  applyStored(
    workerId: bigint,
    dpRank: number,
    stored: {
      readonly parentHash: bigint | null;
      readonly blockHashes: BigUint64Array;
      readonly tokensHashes: BigUint64Array;
    },
    storageTier: StorageTier = "device",
  ): ApplyOutcome {
    const life = this.#lives.getOrBegin(workerId, dpRank);
    if (life === null) return "full";
    const { parentHash, blockHashes, tokensHashes } = stored;
    let parent = 0;
    if (parentHash !== null) {
      parent = this.#blocks.entryOf(life, parentHash);
      if (parent === 0) {
        this.counters.unknownParents += 1;
        return "unknownParent";
      }
    }
    const tier = 1 << storageTiers.indexOf(storageTier);
    const repeatedBefore = this.#blocks.repeatedBlocks;
    this.#forest.reclaim(reclaimStepsPerBlock * blockHashes.length);
    for (let from = 0; from < blockHashes.length; from += maxRun) {
      const to = Math.min(from + maxRun, blockHashes.length);
      parent = this.#blocks.add(
        life,
        parent,
        blockHashes.subarray(from, to),
        tokensHashes.subarray(from, to),
        tier,
      );
    }
    this.counters.storedBlocks += blockHashes.length;
    if (this.#blocks.repeatedBlocks > repeatedBefore) this.counters.repeatedStores += 1;
    return "applied";
  }

  applyRemoved(
    workerId: bigint,
    dpRank: number,
    blockHashes: BigUint64Array,
    storageTier: StorageTier = "device",
  ): ApplyOutcome {
    const life = this.#lives.get(workerId, dpRank);
    const tier = 1 << storageTiers.indexOf(storageTier);
    const ids = toSignedWords(blockHashes);
    let unknownCount = 0;
    for (let i = 0; i < ids.length; i += 2) {
      const isHeld = life !== undefined && this.#blocks.remove(life, ids[i]!, ids[i + 1]!, tier);
      if (!isHeld) unknownCount += 1;
    }
    this.counters.removedBlocks += blockHashes.length - unknownCount;
    this.counters.unknownBlocks += unknownCount;
    return unknownCount > 0 ? "unknownBlocks" : "applied";
  }

  /** Everything of the rank, in every tier. */
  applyCleared(workerId: bigint, dpRank: number): ApplyOutcome {
    this.#lives.end(workerId, dpRank);
    this.counters.clears += 1;
    return this.#lives.getOrBegin(workerId, dpRank) === null ? "full" : "applied";
  }

  removeWorker(workerId: bigint, dpRank?: number): void {
    this.#lives.end(workerId, dpRank);
  }

  /** Takes back memory of removed workers, which storing does too, a little each time. For idle moments; a block takes two steps. */
  reclaim(maxSteps?: number): void {
    this.#forest.reclaim(maxSteps);
  }

  findMatches(sequenceHashes: BigUint64Array, options?: FindOptions): WorkerOverlap[] {
    const source = {
      length: sequenceHashes.length,
      words: toSignedWords(sequenceHashes),
      reach() {},
    };
    return this.#search.find(source, options);
  }

  findMatchesByLocal(localHashes: BigUint64Array, options?: FindOptions): WorkerOverlap[] {
    const xxh3 = this.#xxh3;
    // One question after the other: the names of the last one are not needed any more.
    if (this.#asked.length < localHashes.length) {
      this.#asked = new BigUint64Array(2 * localHashes.length);
    }
    const sequenceHashes = this.#asked;
    let done = 0;
    const reach = (count: number) => {
      // Far enough ahead for the next two looks, so that short misses stay cheap.
      const wanted = Math.min(localHashes.length, count < 64 ? count : 4 * count);
      while (done < count) {
        const to = Math.min(wanted, done + passHashes);
        xxh3.hashes.set(localHashes.subarray(done, to));
        xxh3.chain(to - done, done === 0 ? null : sequenceHashes[done - 1]!, hashSeed);
        sequenceHashes.set(xxh3.chained.subarray(0, to - done), done);
        done = to;
      }
    };
    const source = { length: localHashes.length, words: toSignedWords(sequenceHashes), reach };
    return this.#search.find(source, options);
  }

  /**
   * Everything known as events that build it again, of all workers or one rank: parents before children, unbranched
   * runs as one event, ids from 0.
   */
  dump(workerId?: bigint, dpRank?: number): RouterEvent[] {
    return dumpForest(
      this.#forest,
      (life) =>
        (workerId === undefined || life.workerId === workerId) &&
        (dpRank === undefined || life.dpRank === dpRank),
    );
  }

  /** Applies a dump on top of what is there. The number of events that had no place. */
  load(events: Iterable<RouterEvent>): number {
    let refused = 0;
    for (const event of events) if (this.apply(event) !== "applied") refused += 1;
    return refused;
  }

  /** The path that ends with the block is due then, unless set again; `removeDue` removes it. */
  setDeadlines(workerId: bigint, dpRank: number, blockHash: bigint, dueAtMs: number): void {
    const life = this.#lives.get(workerId, dpRank);
    const entry = life === undefined ? 0 : this.#blocks.entryOf(life, blockHash);
    if (entry === 0) return;
    this.#deadlines ??= new BlockDeadlines(this.#forest);
    this.#deadlines.set(entry, dueAtMs);
  }

  /** Removes what is due of the path that ends with the block and carries no longer one. */
  removeDue(workerId: bigint, dpRank: number, blockHash: bigint, nowMs: number): void {
    const life = this.#lives.get(workerId, dpRank);
    const entry = life === undefined ? 0 : this.#blocks.entryOf(life, blockHash);
    if (entry !== 0) this.#deadlines?.removeDue(life!, entry, nowMs);
  }
}
