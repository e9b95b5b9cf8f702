/** Buffers for runs of KV, made when first needed and used again. */
export class RunBuffers {
  readonly #sizeBytes: number;
  readonly #limit: number;
  readonly #free: ArrayBuffer[] = [];
  #count = 0;

  constructor(sizeBytes: number, limit: number) {
    this.#sizeBytes = sizeBytes;
    this.#limit = limit;
  }

  /** `null`: all are in use. */
  take(): ArrayBuffer | null {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    if (this.#count >= this.#limit) return null;
    this.#count++;
    return new ArrayBuffer(this.#sizeBytes);
  }

  give(buffer: ArrayBuffer): void {
    this.#free.push(buffer);
  }
}
