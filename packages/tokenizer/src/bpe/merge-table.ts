// Which two neighbours become one, as an open-addressing table over (left id, right id).

const EMPTY = -1;

/** Finds the rank of a pair: the lower, the earlier it merges. Ranks index `merged`. */
export class MergeTable {
  /** `merged[rank]`: the id that the pair of this rank becomes. */
  readonly merged: Int32Array;
  readonly #left: Int32Array;
  readonly #right: Int32Array;
  readonly #rank: Int32Array;
  readonly #mask: number;

  /** `pairs`: [left, right, merged] ids by rank. A pair named twice keeps its last rank. */
  constructor(pairs: readonly (readonly [number, number, number])[]) {
    let size = 16;
    while (size < pairs.length * 2.5) size *= 2;
    this.#mask = size - 1;
    this.#left = new Int32Array(size).fill(EMPTY);
    this.#right = new Int32Array(size);
    this.#rank = new Int32Array(size);
    this.merged = new Int32Array(pairs.length);
    for (let rank = 0; rank < pairs.length; rank++) {
      const [left, right, merged] = pairs[rank]!;
      const slot = this.#slot(left, right);
      this.#left[slot] = left;
      this.#right[slot] = right;
      this.#rank[slot] = rank;
      this.merged[rank] = merged;
    }
  }

  /** -1: these two never merge. */
  rank(left: number, right: number): number {
    const slot = this.#slot(left, right);
    return this.#left[slot] === EMPTY ? -1 : this.#rank[slot]!;
  }

  #slot(left: number, right: number): number {
    let hash = Math.imul(left, 0x9e3779b1) ^ Math.imul(right, 0x85ebca6b);
    hash ^= hash >>> 15;
    let slot = hash & this.#mask;
    while (
      this.#left[slot] !== EMPTY &&
      (this.#left[slot] !== left || this.#right[slot] !== right)
    ) {
      slot = (slot + 1) & this.#mask;
    }
    return slot;
  }
}
