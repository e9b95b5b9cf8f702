/** What `push` did with a value. */
export type PushResult = "queued" | "dropped-oldest" | "closed";

/**
 * A bounded queue between one or more writers and one async reader.
 * When full the oldest value is dropped and counted: a slow reader loses old values, never memory.
 */
export class Channel<T> implements AsyncIterable<T> {
  readonly #values: T[] = [];
  readonly #capacity: number;
  #wake: (() => void) | null = null;
  #closed = false;
  #error: unknown = null;
  #droppedCount = 0;

  constructor(options: { readonly capacity: number }) {
    this.#capacity = options.capacity;
  }

  get queuedCount(): number {
    return this.#values.length;
  }

  get droppedCount(): number {
    return this.#droppedCount;
  }

  push(value: T): PushResult {
    if (this.#closed) return "closed";
    let result: PushResult = "queued";
    if (this.#values.length >= this.#capacity) {
      this.#values.shift();
      this.#droppedCount += 1;
      result = "dropped-oldest";
    }
    this.#values.push(value);
    this.#wakeReader();
    return result;
  }

  /** Queued values can still be read; then the reader ends, or throws `error`. */
  close(error?: unknown): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#error = error ?? null;
    this.#wakeReader();
  }

  async *[Symbol.asyncIterator](): AsyncIterator<T> {
    try {
      for (;;) {
        const value = this.#values.shift();
        if (value !== undefined) {
          yield value;
          continue;
        }
        if (this.#closed) {
          if (this.#error !== null) throw this.#error;
          return;
        }
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    } finally {
      this.close();
      this.#values.length = 0;
    }
  }

  #wakeReader(): void {
    const wake = this.#wake;
    this.#wake = null;
    wake?.();
  }
}
