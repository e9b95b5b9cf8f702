/** Bytes that arrived and were not read yet, taken off the front in exact pieces. Copies only across chunk borders. */
export class ByteQueue {
  readonly #chunks: Buffer[] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(chunk: Buffer): void {
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#length += chunk.length;
  }

  /** The first `count` bytes, left in the queue; `null` while fewer are there. */
  peek(count: number): Buffer | null {
    if (this.#length < count) return null;
    const first = this.#chunks[0];
    if (first !== undefined && first.length >= count) return first.subarray(0, count);
    this.#join(count);
    return this.#chunks[0]?.subarray(0, count) ?? null;
  }

  /** As `peek`, and takes them off. */
  take(count: number): Buffer | null {
    if (count === 0) return Buffer.alloc(0);
    const bytes = this.peek(count);
    if (bytes === null) return null;
    const first = this.#chunks[0]!;
    if (first.length === count) this.#chunks.shift();
    else this.#chunks[0] = first.subarray(count);
    this.#length -= count;
    return bytes;
  }

  /** Makes the first chunk at least `count` bytes long. */
  #join(count: number): void {
    let taken = 0;
    let bytes = 0;
    while (bytes < count) bytes += this.#chunks[taken++]!.length;
    this.#chunks.splice(0, taken, Buffer.concat(this.#chunks.slice(0, taken), bytes));
  }
}
