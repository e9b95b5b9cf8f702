import type { RequestContext } from "./request-context.ts";

/** The requests that an endpoint answers now, and who waits for them to end. */
export class RunningRequests {
  readonly #contexts = new Set<RequestContext>();
  readonly #waiters = new Set<() => void>();

  get count(): number {
    return this.#contexts.size;
  }

  add(context: RequestContext): void {
    this.#contexts.add(context);
  }

  delete(context: RequestContext): void {
    this.#contexts.delete(context);
    if (this.#contexts.size > 0) return;
    for (const resolve of this.#waiters) resolve();
  }

  killAll(): void {
    for (const context of this.#contexts) context.kill();
  }

  /** Resolves when nothing runs; rejects with the signal's reason. */
  async idle(signal?: AbortSignal): Promise<void> {
    if (this.#contexts.size === 0) return;
    signal?.throwIfAborted();
    await new Promise<void>((resolve, reject) => {
      const done = () => {
        signal?.removeEventListener("abort", fail);
        this.#waiters.delete(done);
        resolve();
      };
      const fail = () => {
        this.#waiters.delete(done);
        reject(signal?.reason);
      };
      this.#waiters.add(done);
      signal?.addEventListener("abort", fail, { once: true });
    });
  }
}
