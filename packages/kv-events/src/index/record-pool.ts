// Fixed-size records of 32-bit words in chunks: growth copies nothing, and nothing is an object. Record 0 is never given
// out, so that 0 can say "none". The first word of a free record names the next free one. Words are signed, for V8 keeps
// signed ones in registers where it would make objects of large unsigned ones.

export const chunkBits = 14;
const chunkRecords = 1 << chunkBits;
export const chunkMask = chunkRecords - 1;

export class RecordPool {
  readonly stride: number;
  /** Record i is `stride` words of chunks[i >>> chunkBits], from (i & chunkMask) * stride on. */
  readonly chunks: Int32Array[] = [];
  #used = 1;
  #firstFree = 0;
  #freeCount = 0;

  constructor(stride: number) {
    this.stride = stride;
  }

  /** Above every record given out so far. */
  get end(): number {
    return this.#used;
  }

  get recordCount(): number {
    return this.#used - 1 - this.#freeCount;
  }

  get sizeBytes(): number {
    return this.chunks.length * chunkRecords * this.stride * 4;
  }

  /** Its words hold what they held before. */
  allocate(): number {
    const free = this.#firstFree;
    if (free !== 0) {
      this.#firstFree = this.chunks[free >>> chunkBits]![(free & chunkMask) * this.stride]!;
      this.#freeCount -= 1;
      return free;
    }
    if (this.#used >= this.chunks.length * chunkRecords) {
      this.chunks.push(new Int32Array(chunkRecords * this.stride));
    }
    return this.#used++;
  }

  release(record: number): void {
    this.chunks[record >>> chunkBits]![(record & chunkMask) * this.stride] = this.#firstFree;
    this.#firstFree = record;
    this.#freeCount += 1;
  }

  get(record: number, word: number): number {
    return this.chunks[record >>> chunkBits]![(record & chunkMask) * this.stride + word]!;
  }

  set(record: number, word: number, value: number): void {
    this.chunks[record >>> chunkBits]![(record & chunkMask) * this.stride + word] = value;
  }
}
