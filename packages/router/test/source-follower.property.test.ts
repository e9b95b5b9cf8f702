// However events are lost, doubled, turned round and however often publisher and router start anew: afterwards the index
// equals the caches, block by block.
import { KvIndex, type KvQueryAnswer, type RouterEvent } from "@dyn/kv-events";
import { SourceFollower } from "@dyn/router";
import fc from "fast-check";
import { expect, test } from "vitest";

/** A cache that tells of every change, with a ring and dumps as Dynamo's local index has them. */
class TellingCache {
  readonly workerId: bigint;
  /** Block id by prefix. */
  #held = new Map<string, { id: bigint; parent: string | null; local: bigint }>();
  #ring: RouterEvent[] = [];
  #newest = 0;
  #nextId = 1n;

  constructor(workerId: bigint) {
    this.workerId = workerId;
  }

  /** Restarts with what it holds under new event ids, or empty. */
  restart(keepsCache: boolean): void {
    if (!keepsCache) this.#held.clear();
    this.#ring = [];
    this.#newest = 0;
  }

  store(path: readonly number[]): RouterEvent | null {
    let parent: string | null = null;
    let from = 0;
    for (; from < path.length; from++) {
      const key: string = path.slice(0, from + 1).join();
      if (!this.#held.has(key)) break;
      parent = key;
    }
    if (from === path.length) return null;
    const parentHash = parent === null ? null : this.#held.get(parent)!.id;
    const blocks = path.slice(from).map((local, i) => {
      const key = path.slice(0, from + i + 1).join();
      const block = { id: this.#nextId++, parent, local: BigInt(local) };
      this.#held.set(key, block);
      parent = key;
      return block;
    });
    return this.#tell({
      type: "stored",
      parentHash,
      blockHashes: BigUint64Array.from(blocks, ({ id }) => id),
      tokensHashes: BigUint64Array.from(blocks, ({ local }) => local),
    });
  }

  /** Evicts a leaf. */
  evict(pick: number): RouterEvent | null {
    const parents = new Set([...this.#held.values()].map(({ parent }) => parent));
    const leaves = [...this.#held.keys()].filter((key) => !parents.has(key));
    if (leaves.length === 0) return null;
    const key = leaves[pick % leaves.length]!;
    const { id } = this.#held.get(key)!;
    this.#held.delete(key);
    return this.#tell({ type: "removed", blockHashes: BigUint64Array.of(id) });
  }

  clear(): RouterEvent {
    this.#held.clear();
    return this.#tell({ type: "cleared" });
  }

  query(start: number | null): KvQueryAnswer {
    const lastEventId = this.#newest;
    if (start !== null && start > lastEventId) {
      return {
        type: "tooNew",
        requestedStart: start,
        requestedEnd: lastEventId,
        newestAvailable: lastEventId,
      };
    }
    const first = this.#ring[0]?.eventId ?? Number.POSITIVE_INFINITY;
    if (start !== null && start >= first) {
      return { type: "events", events: this.#ring.slice(start - first), lastEventId };
    }
    const events = [...this.#held.values()].map(
      ({ id, parent, local }, eventId): RouterEvent => ({
        ...this.#head(),
        eventId,
        data: {
          type: "stored",
          parentHash: parent === null ? null : this.#held.get(parent)!.id,
          blockHashes: BigUint64Array.of(id),
          tokensHashes: BigUint64Array.of(local),
        },
      }),
    );
    return { type: "treeDump", events, lastEventId };
  }

  paths(): string[] {
    return [...this.#held.keys()].sort();
  }

  #head() {
    return { workerId: this.workerId, dpRank: 0, storageTier: "device" as const };
  }

  #tell(data: RouterEvent["data"]): RouterEvent {
    const event: RouterEvent = { ...this.#head(), eventId: ++this.#newest, data };
    this.#ring.push(event);
    // Short, so that dumps happen.
    if (this.#ring.length > 16) this.#ring.shift();
    return event;
  }
}

/** Paths of every block that the index says the worker holds. */
function pathsOf(index: KvIndex, workerId: bigint): string[] {
  const paths = new Map<bigint, string>();
  for (const { data } of index.dump(workerId)) {
    if (data.type !== "stored") continue;
    let path = data.parentHash === null ? null : paths.get(data.parentHash)!;
    for (const [i, id] of data.blockHashes.entries()) {
      path = path === null ? `${data.tokensHashes[i]}` : `${path},${data.tokensHashes[i]}`;
      paths.set(id, path);
    }
  }
  return [...paths.values()].sort();
}

const step = fc.oneof(
  {
    weight: 60,
    arbitrary: fc.record({
      type: fc.constant("store" as const),
      path: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 8 }),
    }),
  },
  { weight: 30, arbitrary: fc.record({ type: fc.constant("evict" as const), pick: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("clear" as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant("restartPublisher" as const),
      keepsCache: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("restartRouter" as const) }) },
);
const fate = fc.oneof(
  { weight: 85, arbitrary: fc.constant("arrives" as const) },
  { weight: 5, arbitrary: fc.constant("lost" as const) },
  { weight: 5, arbitrary: fc.constant("twice" as const) },
  { weight: 5, arbitrary: fc.constant("late" as const) },
);

const seed = Number(process.env.FC_SEED ?? Date.now() & 0x7fffffff);

test(`index and caches are equal after any run (seed ${seed})`, async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.record({
          worker: fc.integer({ min: 0, max: 2 }),
          step,
          fate,
          queryFails: fc.integer({ min: 0, max: 9 }),
        }),
        { minLength: 20, maxLength: 150 },
      ),
      async (steps) => {
        const caches = [0, 1, 2].map((i) => new TellingCache(BigInt(i + 1)));
        let index = new KvIndex();
        let failures = 0;
        const follow = (cache: TellingCache) => {
          const follower = new SourceFollower({
            rank: { workerId: cache.workerId, dpRank: 0 },
            index,
            query: async (start) => {
              await Promise.resolve();
              if (failures > 0) {
                failures -= 1;
                throw new Error("The connection broke.");
              }
              return cache.query(start);
            },
            wait: async () => {},
            // After so many failed queries the worker is taken for empty, then asked again.
            onProblem: () => {},
          });
          follower.start();
          return follower;
        };
        let followers = caches.map(follow);
        const late: { readonly to: SourceFollower; readonly event: RouterEvent }[] = [];
        for (const { worker, step: it, fate: how, queryFails } of steps) {
          const cache = caches[worker]!;
          if (queryFails === 0) failures = 2;
          if (it.type === "restartPublisher") {
            cache.restart(it.keepsCache);
            followers[worker]!.close();
            followers[worker] = follow(cache);
            continue;
          }
          if (it.type === "restartRouter") {
            for (const follower of followers) follower.close();
            index = new KvIndex();
            followers = caches.map(follow);
            continue;
          }
          const event =
            it.type === "store"
              ? cache.store(it.path)
              : it.type === "evict"
                ? cache.evict(it.pick)
                : cache.clear();
          if (event === null) continue;
          const to = followers[worker]!;
          if (how === "late") late.push({ to, event });
          else if (how !== "lost") to.accept([event]);
          if (how === "twice") to.accept([event]);
          if (how === "arrives") for (const one of late.splice(0)) one.to.accept([one.event]);
          if (queryFails < 3) await Promise.resolve();
        }
        for (const follower of followers) {
          await follower.settled();
          follower.checkTail();
          await follower.settled();
        }
        for (const cache of caches) expect(pathsOf(index, cache.workerId)).toEqual(cache.paths());
      },
    ),
    { seed, numRuns: 300 },
  );
});

test("a worker without an index of its own is cleared at a gap and goes on from there", () => {
  const cache = new TellingCache(1n);
  const index = new KvIndex();
  const follower = new SourceFollower({
    rank: { workerId: 1n, dpRank: 0 },
    index,
    query: null,
    wait: async () => {},
    onProblem: () => {},
  });
  follower.start();
  follower.accept([cache.store([1, 2])!]);
  expect(pathsOf(index, 1n)).toEqual(["1", "1,2"]);
  cache.store([3]);
  follower.accept([cache.store([4])!]);
  expect(pathsOf(index, 1n)).toEqual(["4"]);
  expect(follower.counters).toMatchObject({ gaps: 1, appliedEvents: 2 });
});

test("a batch that names another worker is dropped", () => {
  const index = new KvIndex();
  const options = { index, query: null, wait: async () => {}, onProblem: () => {} };
  const follower = new SourceFollower({ ...options, rank: { workerId: 1n, dpRank: 0 } });
  follower.accept([new TellingCache(2n).store([1])!]);
  expect(index.blockCount).toBe(0);
  expect(follower.counters.foreignBatches).toBe(1);
});
