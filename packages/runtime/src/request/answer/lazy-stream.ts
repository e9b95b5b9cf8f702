// A stream that is opened by its first reader and hands each item through as it is: what an async generator with
// `yield*` does, without a chain of promises per item.

/** The reader has seen the end, or left before it. */
export type StreamOutcome = { readonly error: unknown } | "complete" | "left";

export interface LazyStreamHooks<T> {
  /** Runs at the first `next`; what it throws is what that rejects with. */
  open(): Promise<AsyncIterator<T>>;
  /** Once, if it was ever opened. */
  closed(outcome: StreamOutcome): void;
}

export class LazyStream<T> implements AsyncGenerator<T, void, void> {
  readonly #hooks: LazyStreamHooks<T>;
  #opening: Promise<AsyncIterator<T>> | null = null;
  #inner: AsyncIterator<T> | null = null;
  #isClosed = false;

  constructor(hooks: LazyStreamHooks<T>) {
    this.#hooks = hooks;
  }

  next(): Promise<IteratorResult<T, void>> {
    if (this.#inner !== null) return this.#watch(this.#inner.next());
    if (this.#isClosed) return Promise.resolve({ done: true, value: undefined });
    this.#opening ??= this.#open();
    return this.#watch(this.#opening.then((inner) => inner.next()));
  }

  async return(): Promise<IteratorResult<T, void>> {
    const wasOpened = this.#opening !== null;
    if (!this.#isClosed && wasOpened) this.#close("left");
    this.#isClosed = true;
    await this.#inner?.return?.();
    return { done: true, value: undefined };
  }

  async throw(error: unknown): Promise<IteratorResult<T, void>> {
    await this.return();
    throw error;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  async #open(): Promise<AsyncIterator<T>> {
    const inner = await this.#hooks.open();
    if (this.#isClosed) await inner.return?.();
    this.#inner = inner;
    return inner;
  }

  #watch(result: Promise<IteratorResult<T>>): Promise<IteratorResult<T, void>> {
    return result.then(this.#onResult, this.#onError);
  }

  readonly #onResult = (result: IteratorResult<T>): IteratorResult<T, void> => {
    if (result.done) this.#close("complete");
    return result;
  };

  readonly #onError = (error: unknown): never => {
    this.#close({ error });
    throw error;
  };

  #close(outcome: StreamOutcome): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#hooks.closed(outcome);
  }
}
