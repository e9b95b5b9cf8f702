// Finds by depth who holds how much of a prompt. Chained hashes name whole prefixes, so any depth can be looked at
// without those before it; and the set of holders only shrinks with depth, so two depths with equally many have the
// same ones. A prompt of 3,750 blocks takes some twenty looks.
import type { BlockForest } from "./block-forest.ts";
import { entryWord, nodeWord } from "./block-records.ts";
import type { FindOptions, WorkerOverlap } from "./prefix-index.ts";

/** The prompt's sequence hashes as words, made as far as they are asked for. */
export interface HashSource {
  readonly length: number;
  /** [2 x length] low, high; those up to `count` are valid after `reach(count)`. */
  readonly words: Int32Array;
  reach(count: number): void;
}

export class PrefixSearch {
  readonly #forest: BlockForest;
  /** By slot: the last search that gave it a result. */
  #seen = new Uint32Array(64);
  #searchId = 0;

  constructor(forest: BlockForest) {
    this.#forest = forest;
  }

  find(source: HashSource, options: FindOptions = {}): WorkerOverlap[] {
    const found: WorkerOverlap[] = [];
    if (source.length === 0) return found;
    this.#beginSearch();
    // Double the depth until nobody holds it, then halve the doubt: `last` is the deepest that anybody holds.
    let last = -1;
    let lastNode = 0;
    let missing = source.length;
    for (let depth = 0; depth < missing; depth = Math.min(2 * depth + 1, source.length - 1)) {
      source.reach(depth + 1);
      const node = this.#nodeAt(source, depth);
      if (node === 0) {
        missing = depth;
        break;
      }
      last = depth;
      lastNode = node;
      if (options.isEarlyExit && this.#forest.prefixes.entryCount(node) === 1) missing = depth + 1;
      if (depth === source.length - 1) break;
    }
    if (last < 0) return found;
    while (missing - last > 1) {
      const middle = (last + missing) >>> 1;
      const node = this.#nodeAt(source, middle);
      if (node === 0) missing = middle;
      else {
        last = middle;
        lastNode = node;
      }
    }
    this.#collect(lastNode, last, found);
    if (last > 0) {
      const firstNode = this.#nodeAt(source, 0);
      this.#collectBetween(source, 0, firstNode, last, lastNode, found);
    }
    return found;
  }

  /** Those who hold depth `from` and not depth `to`, deepest first. */
  #collectBetween(
    source: HashSource,
    from: number,
    fromNode: number,
    to: number,
    toNode: number,
    found: WorkerOverlap[],
  ): void {
    const forest = this.#forest;
    if (forest.prefixes.entryCount(fromNode) === forest.prefixes.entryCount(toNode)) return;
    if (to - from === 1) {
      this.#collect(fromNode, from, found);
      return;
    }
    const middle = (from + to) >>> 1;
    const middleNode = this.#nodeAt(source, middle);
    this.#collectBetween(source, middle, middleNode, to, toNode, found);
    this.#collectBetween(source, from, fromNode, middle, middleNode, found);
  }

  /** A result for each holder of the node that has none yet. */
  #collect(node: number, depth: number, found: WorkerOverlap[]): void {
    const forest = this.#forest;
    const { entries } = forest;
    let entry = forest.nodes.get(node, nodeWord.firstEntry);
    while (entry !== 0) {
      const life = forest.lifeOf(entry);
      if (this.#seen[life.slot] !== this.#searchId) {
        this.#seen[life.slot] = this.#searchId;
        if (!life.isOver) {
          forest.reference(entry);
          const overlap = this.#measure(entry, depth + 1);
          if (overlap !== null) found.push(overlap);
        }
      }
      entry = entries.get(entry, entryWord.next);
    }
  }

  /** A worker all of whose blocks are on the device holds its whole path; any other one's path is walked. */
  #measure(entry: number, length: number): WorkerOverlap | null {
    const forest = this.#forest;
    const { workerId, dpRank, lackingCount } = forest.lifeOf(entry);
    let deviceBlocks = length;
    let hostBlocks = length;
    let diskBlocks = length;
    for (let depth = length - 1; lackingCount > 0 && depth >= 0; depth--) {
      const tiers = forest.tiers(entry);
      if ((tiers & 0b0001) === 0) deviceBlocks = depth;
      if ((tiers & 0b0011) === 0) hostBlocks = depth;
      if (tiers === 0) diskBlocks = depth;
      entry = forest.entries.get(entry, entryWord.parent);
    }
    return diskBlocks === 0 ? null : { workerId, dpRank, deviceBlocks, hostBlocks, diskBlocks };
  }

  #nodeAt(source: HashSource, depth: number): number {
    return this.#forest.prefixes.at(source.words, depth);
  }

  #beginSearch(): void {
    if (this.#seen.length < this.#forest.slotEnd) {
      this.#seen = new Uint32Array(2 * this.#forest.slotEnd);
      this.#searchId = 0;
    }
    if (++this.#searchId > 0xffff_ffff) {
      this.#seen.fill(0);
      this.#searchId = 1;
    }
  }
}
