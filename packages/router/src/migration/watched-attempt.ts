// One attempt at a request: the client's own stream, ended when its worker falls silent. Hands each item through
// without a generator's promises.
import type { EngineOutputItem } from "@dyn/protocol";
import type { Annotated } from "@dyn/runtime";
import type { WatchedStream } from "./silence-watch.ts";

type Item = Annotated<EngineOutputItem>;
type Result = IteratorResult<Item, void>;

export interface WatchedAttemptHooks {
  /** At the first `next`. */
  open(): { readonly stream: AsyncGenerator<Item>; readonly watched: WatchedStream };
  /** Once, if it was opened. */
  closed(): void;
}

export class WatchedAttempt implements AsyncGenerator<Item, void, void> {
  readonly #hooks: WatchedAttemptHooks;
  #open: ReturnType<WatchedAttemptHooks["open"]> | null = null;
  #isClosed = false;

  constructor(hooks: WatchedAttemptHooks) {
    this.#hooks = hooks;
  }

  next(): Promise<Result> {
    if (this.#isClosed) return Promise.resolve({ done: true, value: undefined });
    this.#open ??= this.#hooks.open();
    this.#open.watched.await();
    return this.#open.stream.next().then(this.#onResult, this.#onError);
  }

  async return(): Promise<Result> {
    const open = this.#open;
    this.#close();
    await open?.stream.return(undefined);
    return { done: true, value: undefined };
  }

  async throw(error: unknown): Promise<Result> {
    await this.return();
    throw error;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  readonly #onResult = (result: Result): Result => {
    const { watched } = this.#open!;
    if (!result.done) {
      watched.handOver();
      return result;
    }
    this.#close();
    if (watched.failure !== null) throw watched.failure;
    return result;
  };

  readonly #onError = (error: unknown): never => {
    this.#close();
    throw this.#open!.watched.failure ?? error;
  };

  #close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#open === null) return;
    this.#open.watched.end();
    this.#hooks.closed();
  }
}
