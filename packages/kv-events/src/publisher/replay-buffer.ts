// The newest batches of a publisher, for those who missed some. Bounded twice: the oldest leave first.

export interface BufferedBatch {
  readonly sequence: number;
  readonly payload: Uint8Array;
}

export class ReplayBuffer {
  readonly #maxBatches: number;
  readonly #maxBytes: number;
  #batches: BufferedBatch[] = [];
  /** Batches at the front that have left already. */
  #gone = 0;
  #sizeBytes = 0;

  constructor(maxBatches: number, maxBytes: number) {
    this.#maxBatches = maxBatches;
    this.#maxBytes = maxBytes;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  get batchCount(): number {
    return this.#batches.length - this.#gone;
  }

  push(batch: BufferedBatch): void {
    this.#batches.push(batch);
    this.#sizeBytes += batch.payload.length;
    // The newest one stays, however large.
    while (
      this.batchCount > this.#maxBatches ||
      (this.#sizeBytes > this.#maxBytes && this.batchCount > 1)
    ) {
      this.#sizeBytes -= this.#batches[this.#gone]!.payload.length;
      this.#gone += 1;
    }
    if (this.#gone > this.#batches.length / 2) {
      this.#batches = this.#batches.slice(this.#gone);
      this.#gone = 0;
    }
  }

  /** Those from `sequence` on, oldest first. */
  from(sequence: number): readonly BufferedBatch[] {
    const first = this.#batches[this.#gone];
    if (first === undefined) return [];
    return this.#batches.slice(this.#gone + Math.max(0, sequence - first.sequence));
  }
}
