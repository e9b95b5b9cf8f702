/** A binary heap of (rank, position): the lowest rank first, the lowest position among equals. */
export class MergeHeap {
  size = 0;
  #ranks: Int32Array;
  #positions: Int32Array;

  constructor(capacity: number) {
    this.#ranks = new Int32Array(Math.max(capacity, 16));
    this.#positions = new Int32Array(Math.max(capacity, 16));
  }

  get topRank(): number {
    return this.#ranks[0]!;
  }

  get topPosition(): number {
    return this.#positions[0]!;
  }

  push(rank: number, position: number): void {
    if (this.size === this.#ranks.length) this.#grow();
    let at = this.size++;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#isBefore(rank, position, parent)) break;
      this.#ranks[at] = this.#ranks[parent]!;
      this.#positions[at] = this.#positions[parent]!;
      at = parent;
    }
    this.#ranks[at] = rank;
    this.#positions[at] = position;
  }

  pop(): void {
    const last = --this.size;
    const rank = this.#ranks[last]!;
    const position = this.#positions[last]!;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= last) break;
      if (
        child + 1 < last &&
        this.#isBefore(this.#ranks[child + 1]!, this.#positions[child + 1]!, child)
      ) {
        child++;
      }
      if (this.#isBefore(rank, position, child)) break;
      this.#ranks[at] = this.#ranks[child]!;
      this.#positions[at] = this.#positions[child]!;
      at = child;
    }
    this.#ranks[at] = rank;
    this.#positions[at] = position;
  }

  #isBefore(rank: number, position: number, slot: number): boolean {
    return (
      rank < this.#ranks[slot]! || (rank === this.#ranks[slot] && position < this.#positions[slot]!)
    );
  }

  #grow(): void {
    const ranks = new Int32Array(this.#ranks.length * 2);
    const positions = new Int32Array(ranks.length);
    ranks.set(this.#ranks);
    positions.set(this.#positions);
    this.#ranks = ranks;
    this.#positions = positions;
  }
}
