const KEPT = 65_536;

/** Ids of one encode call: grows by doubling, read once at the end. */
export class IdList {
  length = 0;
  #ids = new Int32Array(1024);

  push(id: number): void {
    if (this.length === this.#ids.length) this.reserve(1);
    this.#ids[this.length++] = id;
  }

  /** Appends the first `count` ids of `ids`. */
  pushAll(ids: ArrayLike<number>, count: number): void {
    this.reserve(count);
    for (let i = 0; i < count; i++) this.#ids[this.length++] = ids[i]!;
  }

  reserve(count: number): void {
    if (this.length + count <= this.#ids.length) return;
    const grown = new Int32Array(Math.max(this.#ids.length * 2, this.length + count));
    grown.set(this.#ids.subarray(0, this.length));
    this.#ids = grown;
  }

  /** The ids so far, as an array of their own; the list is empty then, and keeps no more than 256 KiB. */
  take(): Uint32Array {
    const ids = new Uint32Array(this.#ids.buffer, 0, this.length).slice();
    this.length = 0;
    if (this.#ids.length > KEPT) this.#ids = new Int32Array(1024);
    return ids;
  }
}
