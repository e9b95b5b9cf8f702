// The index against the naive one over random streams of events.
import {
  createBlockHasher,
  KvIndex,
  type RouterEvent,
  type StorageTier,
  storageTiers,
  type WorkerOverlap,
} from "@dyn/kv-events";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { NaiveIndex } from "./oracle/naive-index.ts";

const hasher = createBlockHasher();
const chain = (locals: BigUint64Array, previous: bigint | null) => hasher.chain(locals, previous);

type Operation =
  | { type: "store"; rank: number; parent: number; locals: number[]; tier: StorageTier }
  | { type: "remove"; rank: number; picks: number[]; tier: StorageTier }
  | { type: "clear"; rank: number }
  | { type: "removeWorker"; rank: number }
  | { type: "reclaim"; count: number };

const rank = fc.nat({ max: 5 });
const tier = fc.constantFrom<StorageTier>("device", "device", "device", ...storageTiers);
const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      type: fc.constant("store" as const),
      rank,
      parent: fc.nat(),
      locals: fc.array(fc.integer({ min: 1, max: 2 }), { maxLength: 20 }),
      tier,
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant("remove" as const),
      rank,
      picks: fc.array(fc.nat(), { maxLength: 5 }),
      tier,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constantFrom("clear" as const, "removeWorker" as const),
      rank,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constant("reclaim" as const), count: fc.nat({ max: 20 }) }),
  },
);
const query = fc.array(fc.integer({ min: 1, max: 2 }), { minLength: 1, maxLength: 40 });

const toU64 = (values: readonly number[]) => BigUint64Array.from(values, BigInt);
const where = (number: number) => ({ workerId: BigInt(1 + (number >> 1)), dpRank: number & 1 });
const nameOf = (number: number) => `${where(number).workerId}:${where(number).dpRank}`;
const sorted = (found: readonly WorkerOverlap[]) =>
  [...found].sort((a, b) => Number(a.workerId - b.workerId) || a.dpRank - b.dpRank);

/** An engine's id of a prefix: another one for each rank. */
const idOf = (sequence: bigint, number: number) =>
  BigInt.asUintN(64, sequence * 7n + BigInt(number));

function run(index: KvIndex, naive: NaiveIndex, step: Operation): void {
  if (step.type === "reclaim") {
    index.reclaim(step.count);
    return;
  }
  const { workerId, dpRank } = where(step.rank);
  const name = nameOf(step.rank);
  if (step.type === "clear") {
    naive.forget(name);
    index.applyCleared(workerId, dpRank);
  } else if (step.type === "removeWorker") {
    naive.forget(name);
    index.removeWorker(workerId, dpRank);
  } else if (step.type === "store") {
    const known = naive.ids(name);
    // Now and then below nothing, and below a block that is not there.
    const pick = step.parent % (known.length + 2);
    const parent = pick === 0 ? null : (known[pick - 1] ?? 0xdeadn);
    const locals = toU64(step.locals);
    const previous = parent === null ? null : sequenceOf.get(parent)!;
    const sequences = chain(locals, previous ?? null);
    const ids = sequences.map((sequence) => idOf(sequence, step.rank));
    ids.forEach((id, i) => {
      sequenceOf.set(id, sequences[i]!);
    });
    const isStored = naive.store(name, parent, ids, locals, step.tier);
    const stored = { parentHash: parent, blockHashes: ids, tokensHashes: locals };
    expect(index.applyStored(workerId, dpRank, stored, step.tier)).toBe(
      isStored ? "applied" : "unknownParent",
    );
  } else {
    const known = naive.ids(name);
    const ids = BigUint64Array.from(
      step.picks,
      (pick) => known[pick % (known.length + 1)] ?? 0xdeadn,
    );
    const unknown = naive.remove(name, ids, step.tier);
    expect(index.applyRemoved(workerId, dpRank, ids, step.tier)).toBe(
      unknown > 0 ? "unknownBlocks" : "applied",
    );
  }
}

const sequenceOf = new Map<bigint, bigint>();

function compare(index: KvIndex, naive: NaiveIndex, locals: readonly number[]): void {
  const words = toU64(locals);
  const expected = sorted(naive.find(chain(words, null)));
  expect(sorted(index.findMatches(chain(words, null)))).toEqual(expected);
  expect(sorted(index.findMatchesByLocal(words))).toEqual(expected);
}

describe("the index", () => {
  it("knows what a naive one knows, after every event", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(operation, query), { minLength: 1, maxLength: 80 }),
        (steps) => {
          const index = new KvIndex();
          const naive = new NaiveIndex(chain);
          for (const [step, locals] of steps) {
            run(index, naive, step);
            compare(index, naive, locals);
            expect(index.blockCount).toBe(naive.blockCount);
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  it("is the same after a dump and a load, gaps and tiers included", () => {
    fc.assert(
      fc.property(
        fc.array(operation, { minLength: 1, maxLength: 80 }),
        fc.array(query, { minLength: 20, maxLength: 20 }),
        (steps, queries) => {
          const index = new KvIndex();
          const naive = new NaiveIndex(chain);
          for (const step of steps) run(index, naive, step);
          const dump = index.dump();
          const loaded = new KvIndex();
          expect(loaded.load(dump)).toBe(0);
          expect(loaded.blockCount).toBe(index.blockCount);
          for (const locals of queries) compare(loaded, naive, locals);
          // One rank's dump holds that rank alone.
          const one = new KvIndex();
          one.load(index.dump(1n, 0));
          for (const locals of queries) {
            expect(one.findMatches(chain(toU64(locals), null))).toEqual(
              naive
                .find(chain(toU64(locals), null))
                .filter(({ workerId, dpRank }) => workerId === 1n && dpRank === 0),
            );
          }
          expect(dump.map(({ eventId }: RouterEvent) => eventId)).toEqual(dump.map((_, i) => i));
        },
      ),
      { numRuns: 150 },
    );
  });

  it("takes every record back when all workers are gone", () => {
    fc.assert(
      fc.property(fc.array(operation, { minLength: 1, maxLength: 60 }), (steps) => {
        const index = new KvIndex();
        const naive = new NaiveIndex(chain);
        for (const step of steps) run(index, naive, step);
        for (const { workerId } of index.workers()) index.removeWorker(workerId);
        expect(index.blockCount).toBe(0);
        index.reclaim();
        expect(index.recordCounts()).toEqual({ nodes: 0, entries: 0 });
      }),
      { numRuns: 100 },
    );
  });
});
