import type { PageCache } from "../cache/page-cache.ts";
import type { KvEventBatch } from "../contract/kv-event.ts";

/** Gives KV events to listeners, one batch per step. A new listener first gets `cleared` and all that is cached. */
export class KvEventFeed {
  readonly #cache: PageCache;
  readonly #now: () => number;
  readonly #listeners = new Set<(batch: KvEventBatch) => void>();

  constructor(cache: PageCache, now: () => number) {
    this.#cache = cache;
    this.#now = now;
  }

  subscribe(listener: (batch: KvEventBatch) => void): () => void {
    this.flush();
    this.#cache.recordEvents(true);
    const entry = (batch: KvEventBatch) => listener(batch);
    this.#listeners.add(entry);
    entry({ timestamp: this.#now() / 1000, events: this.#cache.describe() });
    return () => {
      this.#listeners.delete(entry);
      if (this.#listeners.size === 0) this.#cache.recordEvents(false);
    };
  }

  flush(): void {
    if (this.#listeners.size === 0) return;
    const events = this.#cache.takeEvents();
    if (events.length === 0) return;
    const batch: KvEventBatch = { timestamp: this.#now() / 1000, events };
    for (const listener of this.#listeners) listener(batch);
  }
}
