// Moves pages between pool, cache and sequences. The only place where a sequence's pages change.
import type { CacheNode, PageCache } from "../cache/page-cache.ts";
import type { PagePool } from "../cache/page-pool.ts";
import type { Sequence } from "./sequence.ts";

export class SequenceMemory {
  readonly #cache: PageCache<CacheNode>;
  readonly #pool: PagePool;
  readonly #pageSize: number;
  /** Slots given back, to be used again first. At most as long as sequences ever ran at once. */
  readonly #freeSlots: number[] = [];
  #slotCount = 0;

  constructor(options: { cache: PageCache<CacheNode>; pool: PagePool; pageSize: number }) {
    this.#cache = options.cache;
    this.#pool = options.pool;
    this.#pageSize = options.pageSize;
  }

  takeSlot(sequence: Sequence): void {
    sequence.slot = this.#freeSlots.pop() ?? this.#slotCount++;
  }

  /** Finds and locks the cached prefix. Returns the tokens that ceased to be evictable. */
  acquirePrefix(sequence: Sequence): number {
    const { node, pageCount } = this.#cache.match(
      sequence.group.namespace,
      sequence.tokens,
      matchLimit(sequence),
      sequence.pages,
    );
    if (node === null) return 0;
    const before = this.#cache.evictablePages;
    this.#cache.lock(node);
    sequence.node = node;
    sequence.pageCount = pageCount;
    sequence.sharedPages = pageCount;
    sequence.computed = pageCount * this.#pageSize;
    sequence.pagesVersion++;
    return (before - this.#cache.evictablePages) * this.#pageSize;
  }

  /** Makes the pages hold `tokenCount` tokens, evicting if need be; `false` changes nothing. */
  allocate(sequence: Sequence, tokenCount: number): boolean {
    const missing = Math.ceil(tokenCount / this.#pageSize) - sequence.pageCount;
    if (missing <= 0) return true;
    const short = missing - this.#pool.freeCount;
    if (short > this.#cache.evictablePages) return false;
    if (short > 0) this.#cache.evict(short);
    for (let i = 0; i < missing; i++) sequence.appendPage(this.#pool.allocate());
    return true;
  }

  /** Whether each of these can get the page its next token needs, all at once. */
  canDecode(running: readonly Sequence[]): boolean {
    let missing = 0;
    for (const { length, pageCount } of running) {
      if (length > pageCount * this.#pageSize) missing++;
    }
    return missing <= this.#pool.freeCount + this.#cache.evictablePages;
  }

  /** Gives full computed pages to the cache and keeps them locked. */
  share(sequence: Sequence): void {
    const fullPages = Math.floor(sequence.computed / this.#pageSize);
    if (fullPages <= sequence.sharedPages) return;
    const node = this.#cache.insert(
      sequence.group.namespace,
      sequence.tokens,
      sequence.pages,
      fullPages,
      sequence.sharedPages,
    )!;
    this.#cache.lock(node);
    if (sequence.node !== null) this.#cache.unlock(sequence.node);
    sequence.node = node;
    sequence.sharedPages = fullPages;
    sequence.pagesVersion++;
  }

  /** The sequence runs no more, though its pages stay. Returns the slot it had, or -1. */
  releaseSlot(sequence: Sequence): number {
    const { slot } = sequence;
    if (slot >= 0) this.#freeSlots.push(slot);
    sequence.slot = -1;
    return slot;
  }

  /** Frees what is its own and unlocks the rest. Returns the slot it had, or -1. */
  release(sequence: Sequence): number {
    this.#pool.freeRange(sequence.pages, sequence.sharedPages, sequence.pageCount);
    if (sequence.node !== null) this.#cache.unlock(sequence.node);
    sequence.node = null;
    sequence.pageCount = 0;
    sequence.sharedPages = 0;
    sequence.computed = 0;
    sequence.planned = 0;
    sequence.pagesVersion++;
    return this.releaseSlot(sequence);
  }
}

/** At least the last token must run; prompt log-probabilities that are still missing need their tokens run too. */
function matchLimit(sequence: Sequence): number {
  const { promptLogprobs, request } = sequence.group;
  const limit = sequence.length - 1;
  if (promptLogprobs === null) return limit;
  const known = request.promptLogprobs!.start + promptLogprobs.length;
  return known >= sequence.promptLength ? limit : Math.min(limit, Math.max(known - 1, 0));
}
