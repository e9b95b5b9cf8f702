// The radix cache against the naive one: random insertions, matches, locks and evictions.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PagePool } from "../src/cache/page-pool.ts";
import { RadixCache } from "../src/cache/radix-cache.ts";
import type { RadixNode } from "../src/cache/radix-node.ts";
import { EventMirror } from "./oracle/event-mirror.ts";
import { NaiveCache } from "./oracle/naive-cache.ts";

const namespaces = [
  { cacheSalt: null, extraKey: null },
  { cacheSalt: "salt", extraKey: null },
  { cacheSalt: null, extraKey: "adapter" },
];

/** Few different tokens, so that prefixes meet. */
const tokens = fc.array(fc.integer({ min: 0, max: 2 }), { maxLength: 24 });
const namespace = fc.nat({ max: namespaces.length - 1 });

const operations = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ insert: tokens, namespace }) },
    { weight: 2, arbitrary: fc.record({ match: tokens, namespace }) },
    { weight: 2, arbitrary: fc.record({ hold: tokens, namespace }) },
    { weight: 1, arbitrary: fc.record({ letGo: fc.nat() }) },
    { weight: 1, arbitrary: fc.record({ evict: fc.integer({ min: 1, max: 12 }) }) },
  ),
  { maxLength: 60 },
);

describe("the radix cache", () => {
  it("finds, keeps and evicts as the naive one", () => {
    fc.assert(
      fc.property(fc.constantFrom(1, 2, 4), operations, (pageSize, script) => {
        const pool = new PagePool(400);
        const cache = new RadixCache({ pageSize, pool });
        const naive = new NaiveCache(pageSize);
        const mirror = new EventMirror();
        const held: { node: RadixNode; keys: string[] }[] = [];
        cache.recordEvents(true);
        mirror.apply({ timestamp: 0, events: cache.describe() });
        for (const operation of script) {
          if ("insert" in operation) {
            const ids = Uint32Array.from(operation.insert);
            const space = namespaces[operation.namespace]!;
            const pageCount = Math.floor(ids.length / pageSize);
            const pages = Int32Array.from({ length: pageCount }, () => pool.allocate());
            const known = naive.insert(space, ids, pages);
            const own = pages.slice();
            const node = cache.insert(space, ids, pages, pageCount, 0);
            expect(node === null).toBe(pageCount === 0);
            for (const [i, wasKnown] of known.entries()) {
              expect(pool.isFree(own[i]!)).toBe(wasKnown);
              expect(pages[i] === own[i]).toBe(!wasKnown);
            }
          } else if ("match" in operation || "hold" in operation) {
            const ids = Uint32Array.from("match" in operation ? operation.match : operation.hold);
            const space = namespaces[operation.namespace]!;
            const pages = new Int32Array(ids.length).fill(-1);
            const keys = naive.match(space, ids, ids.length);
            const { pageCount, node } = cache.match(space, ids, ids.length, pages);
            expect(pageCount).toBe(keys.length);
            expect(Array.from(pages.subarray(0, pageCount))).toEqual(
              keys.map((key) => naive.pages.get(key)!.page),
            );
            if ("match" in operation || node === null) continue;
            cache.lock(node);
            naive.lock(keys);
            held.push({ node, keys });
          } else if ("letGo" in operation) {
            const [entry] = held.splice(operation.letGo % Math.max(held.length, 1), 1);
            if (entry === undefined) continue;
            cache.unlock(entry.node);
            naive.unlock(entry.keys);
          } else {
            const before = [...naive.pages.values()].map(({ page }) => page);
            const evictable = cache.evictablePages;
            const freed = cache.evict(operation.evict);
            expect(freed).toBeGreaterThanOrEqual(Math.min(operation.evict, evictable));
            const gone = before.filter((page) => pool.isFree(page));
            expect(gone).toHaveLength(freed);
            expect(naive.evicted(gone)).toBeNull();
          }
          expect(cache.evictablePages).toBe(naive.evictableCount);
          expect(cache.evictablePages + cache.protectedPages).toBe(naive.pages.size);
          expect(pool.freeCount).toBe(pool.total - naive.pages.size);
          mirror.apply({ timestamp: 0, events: cache.takeEvents() });
          const described = new EventMirror();
          described.apply({ timestamp: 0, events: cache.describe() });
          expect(mirror.content()).toEqual(described.content());
        }
        for (const { node } of held) cache.unlock(node);
        cache.reset();
        expect(pool.freeCount).toBe(pool.total);
      }),
      { numRuns: Number(process.env.DYN_PROPERTY_RUNS ?? 400) },
    );
  });

  it("tells removals and storages in the order they happened, neighbours joined", () => {
    const pool = new PagePool(8);
    const cache = new RadixCache({ pageSize: 1, pool });
    const store = (id: number, cacheSalt: string | null) => {
      const pages = Int32Array.of(pool.allocate());
      cache.insert({ cacheSalt, extraKey: null }, Uint32Array.of(id), pages, 1, 0);
    };
    cache.recordEvents(true);
    for (const id of [1, 2, 3]) store(id, null);
    cache.evict(2);
    store(4, null);
    cache.evict(1);
    const shape = cache.takeEvents().map((event) => {
      return event.type === "cleared" ? event.type : `${event.type} ${event.blockHashes.length}`;
    });
    expect(shape).toEqual([
      "stored 1",
      "stored 1",
      "stored 1",
      "removed 2",
      "stored 1",
      "removed 1",
    ]);
  });

  it("forgets a tenant when its last page is evicted", () => {
    const pool = new PagePool(2);
    const cache = new RadixCache({ pageSize: 1, pool });
    for (let tenant = 0; tenant < 50; tenant++) {
      if (pool.freeCount === 0) cache.evict(1);
      const pages = Int32Array.of(pool.allocate());
      const namespace = { cacheSalt: `tenant ${tenant}`, extraKey: null };
      cache.insert(namespace, Uint32Array.of(1), pages, 1, 0);
      cache.match({ cacheSalt: `stranger ${tenant}`, extraKey: null }, Uint32Array.of(1), 1);
    }
    expect(cache.namespaceCount).toBe(2);
  });

  it("refuses to unlock what is not locked, to reset what is in use, and to free twice", () => {
    const pool = new PagePool(4);
    const cache = new RadixCache({ pageSize: 1, pool });
    const node = cache.insert(
      namespaces[0]!,
      Uint32Array.of(7),
      Int32Array.of(pool.allocate()),
      1,
      0,
    )!;
    expect(() => cache.unlock(node)).toThrow("unlocked too often");
    cache.lock(node);
    expect(() => cache.reset()).toThrow("in use");
    expect(cache.evict(1)).toBe(0);
    const page = pool.allocate();
    pool.free(page);
    expect(() => pool.free(page)).toThrow("not in use");
  });
});
