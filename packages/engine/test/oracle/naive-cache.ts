// The cache, written so plainly that it cannot be wrong: one map entry per cached page, keyed by its whole prefix.
import type { CacheNamespace } from "../../src/cache/cache-namespace.ts";

interface NaivePage {
  readonly page: number;
  readonly parent: string | null;
  locks: number;
  /** When it was last part of a match, an insertion or a released lock. */
  usedAt: number;
}

export class NaiveCache {
  readonly pages = new Map<string, NaivePage>();
  readonly #pageSize: number;
  #clock = 0;

  constructor(pageSize: number) {
    this.#pageSize = pageSize;
  }

  /** Keys of the longest cached prefix, page by page. */
  match(namespace: CacheNamespace, tokens: ArrayLike<number>, limit: number): string[] {
    const keys: string[] = [];
    for (const key of this.#keys(namespace, tokens, Math.floor(limit / this.#pageSize))) {
      if (!this.pages.has(key)) break;
      keys.push(key);
    }
    this.#touch(keys);
    return keys;
  }

  /** Returns which of `pages` were already there. */
  insert(
    namespace: CacheNamespace,
    tokens: ArrayLike<number>,
    pages: ArrayLike<number>,
  ): boolean[] {
    const keys = this.#keys(namespace, tokens, pages.length);
    const known = keys.map((key) => this.pages.has(key));
    for (const [i, key] of keys.entries()) {
      if (known[i]) continue;
      this.pages.set(key, { page: pages[i]!, parent: keys[i - 1] ?? null, locks: 0, usedAt: 0 });
    }
    this.#touch(keys);
    return known;
  }

  lock(keys: readonly string[]): void {
    for (const key of keys) this.pages.get(key)!.locks++;
  }

  unlock(keys: readonly string[]): void {
    this.#clock++;
    for (const key of keys) {
      const page = this.pages.get(key)!;
      page.locks--;
      if (page.locks === 0) page.usedAt = this.#clock;
    }
  }

  /** Takes out what the real cache evicted, and says what is wrong with that, if anything. */
  evicted(freed: readonly number[]): string | null {
    const gone = new Set(freed);
    let newest = 0;
    for (const [key, page] of this.pages) {
      if (!gone.has(page.page)) continue;
      if (page.locks > 0) return `page ${page.page} is locked`;
      newest = Math.max(newest, page.usedAt);
      this.pages.delete(key);
    }
    for (const [key, page] of this.pages) {
      if (page.parent !== null && !this.pages.has(page.parent)) return `${key} lost its parent`;
    }
    for (const page of this.#leaves()) {
      if (page.locks === 0 && page.usedAt < newest) return `page ${page.page} was used longer ago`;
    }
    return null;
  }

  get evictableCount(): number {
    return [...this.pages.values()].filter((page) => page.locks === 0).length;
  }

  #leaves(): NaivePage[] {
    const parents = new Set([...this.pages.values()].map((page) => page.parent));
    return [...this.pages].filter(([key]) => !parents.has(key)).map(([, page]) => page);
  }

  #touch(keys: readonly string[]): void {
    this.#clock++;
    for (const key of keys) this.pages.get(key)!.usedAt = this.#clock;
  }

  #keys(namespace: CacheNamespace, tokens: ArrayLike<number>, pageCount: number): string[] {
    const all = Array.from(tokens);
    const head = JSON.stringify([namespace.cacheSalt, namespace.extraKey]);
    return Array.from(
      { length: pageCount },
      (_, i) => `${head} ${all.slice(0, (i + 1) * this.#pageSize).join(" ")}`,
    );
  }
}
