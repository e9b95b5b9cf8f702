/** How often each token stands in an answer, in order of first appearance. Grows with distinct tokens only. */
export class TokenCounts {
  readonly #indexes = new Map<number, number>();
  /** [size] of capacity */
  tokenIds = new Uint32Array(64);
  /** [size] of capacity */
  counts = new Uint32Array(64);
  size = 0;

  add(tokenId: number): void {
    const known = this.#indexes.get(tokenId);
    if (known !== undefined) {
      this.counts[known]!++;
      return;
    }
    if (this.size === this.counts.length) this.#grow();
    this.#indexes.set(tokenId, this.size);
    this.tokenIds[this.size] = tokenId;
    this.counts[this.size++] = 1;
  }

  #grow(): void {
    const grow = (from: Uint32Array<ArrayBuffer>) => {
      const to = new Uint32Array(from.length * 2);
      to.set(from);
      return to;
    };
    this.tokenIds = grow(this.tokenIds);
    this.counts = grow(this.counts);
  }
}
