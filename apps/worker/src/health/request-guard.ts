// Stands before a worker's handler: counts what is open, hears what is said, and ends it all when the engine is stuck.
import { UnavailableError } from "@dyn/protocol";
import type { Annotated, RequestHandler } from "@dyn/runtime";

export class RequestGuard {
  /** Each ends one open request. */
  readonly #open = new Set<(error: unknown) => void>();
  readonly #listeners = new Set<() => void>();

  get openCount(): number {
    return this.#open.size;
  }

  /** Called with each item that a request was answered with. */
  onItem(listener: () => void): void {
    this.#listeners.add(listener);
  }

  wrap<Request, Item>(handler: RequestHandler<Request, Item>): RequestHandler<Request, Item> {
    const guard = this;
    return async function* (request, context) {
      const items = handler(request, context)[Symbol.asyncIterator]();
      let given: { readonly error: unknown } | null = null;
      let wake: ((error: unknown) => void) | null = null;
      const end = (error: unknown) => {
        given = { error };
        wake?.(error);
      };
      guard.#open.add(end);
      let isOver = false;
      try {
        for (;;) {
          if (given !== null) throw (given as { readonly error: unknown }).error;
          const next = await new Promise<IteratorResult<Annotated<Item>>>((resolve, reject) => {
            wake = reject;
            items.next().then(resolve, reject);
          });
          wake = null;
          if (next.done === true) {
            isOver = true;
            return;
          }
          for (const hear of guard.#listeners) hear();
          yield next.value;
        }
      } catch (error) {
        isOver = given === null;
        throw error;
      } finally {
        guard.#open.delete(end);
        // A stuck engine never answers: its handler is told to end, and not waited for.
        if (given !== null) void items.return?.().catch(() => {});
        else if (!isOver) await items.return?.();
      }
    };
  }

  /** Every open request fails, so that its caller goes on elsewhere. */
  endAll(reason: string): void {
    const error = new UnavailableError(`${reason} Another worker can go on with the request.`, {
      code: "DYN_ENGINE_SHUTDOWN",
    });
    for (const end of [...this.#open]) end(error);
  }
}
