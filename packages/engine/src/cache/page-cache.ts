import type { KvEvent } from "../contract/kv-event.ts";
import type { CacheNamespace } from "./cache-namespace.ts";

/** What a cache hands out to be locked: opaque to everybody else. */
export interface CacheNode {
  /** The end of the prefix before; `null` at the root of a namespace. */
  readonly parent: CacheNode | null;
  readonly lockCount: number;
}

export interface PrefixMatch<Node extends CacheNode = CacheNode> {
  /** Whole pages found. */
  readonly pageCount: number;
  /** The deepest node of the match; `null` = nothing matched. Valid until the next call that changes the cache, unless locked. */
  readonly node: Node | null;
}

/**
 * Remembers which pages hold the KV of which token prefixes.
 *
 * Invariants:
 * - only whole pages are cached; a page is in the cache at most once;
 * - a page in the cache belongs to the cache: nobody else frees it or writes it;
 * - locking a node protects it and its ancestors; locks nest and are counted;
 * - evictablePages + protectedPages = pages in the cache, at any time;
 * - evict takes only unlocked pages, and a page only after all that continue it;
 * - events tell every change of content, in order: replayed from `cleared` they give the content.
 */
export interface PageCache<Node extends CacheNode = CacheNode> {
  readonly evictablePages: number;
  readonly protectedPages: number;

  /**
   * The longest cached prefix of tokens[0 .. limit), in whole pages. Marks it as used now.
   * Its page ids are written to `pages` from 0 on when given.
   */
  match(
    namespace: CacheNamespace,
    tokens: Uint32Array,
    limit: number,
    pages?: Int32Array,
  ): PrefixMatch<Node>;

  /**
   * Adds pages[0 .. pageCount), the KV of tokens[0 .. pageCount x pageSize). Pages from `ownedFrom` on
   * are the caller's and pass to the cache; where the cache holds the same prefix already,
   * the caller's page is freed and `pages` gets the cached one instead.
   * Returns the node that ends the prefix; `null` when pageCount is 0.
   */
  insert(
    namespace: CacheNamespace,
    tokens: Uint32Array,
    pages: Int32Array,
    pageCount: number,
    ownedFrom: number,
  ): Node | null;

  lock(node: Node): void;
  unlock(node: Node): void;

  /** Frees at least `pageCount` pages if so many are evictable, else all that are; whole nodes, least recently used first. Returns how many. */
  evict(pageCount: number): number;

  /** Frees everything. Nothing may be locked. */
  reset(): void;

  /** Events are collected only while this is on: hashing costs time. */
  recordEvents(on: boolean): void;
  /** Events since the last call. */
  takeEvents(): KvEvent[];
  /** `cleared`, then everything the cache holds now: what a new listener starts from. */
  describe(): KvEvent[];
}
