// Particular cases of the index: what engines do that a random stream seldom does, memory, budget.
import { createBlockHasher, KvIndex } from "@dyn/kv-events";
import { describe, expect, it } from "vitest";

const hasher = createBlockHasher();
const u64 = (...values: number[]) => BigUint64Array.from(values, BigInt);
const store = (
  index: KvIndex,
  parent: bigint | null,
  ids: BigUint64Array,
  locals: BigUint64Array,
) => index.applyStored(1n, 0, { parentHash: parent, blockHashes: ids, tokensHashes: locals });
const overlap = (index: KvIndex, locals: BigUint64Array) =>
  index.findMatchesByLocal(locals)[0]?.deviceBlocks ?? 0;

describe("a block in the middle that goes", () => {
  it("hides what is below it, until it comes back", () => {
    const index = new KvIndex();
    const path = u64(1, 2, 3, 4, 5, 6);
    store(index, null, u64(11, 12, 13, 14, 15, 16), path);
    index.applyRemoved(1n, 0, u64(13));
    expect(overlap(index, path)).toBe(2);
    expect(index.blockCount).toBe(5);
    store(index, 12n, u64(13), u64(3));
    expect(overlap(index, path)).toBe(6);
  });

  it("may come back under another id", () => {
    const index = new KvIndex();
    const path = u64(1, 2, 3);
    store(index, null, u64(11, 12, 13), path);
    index.applyRemoved(1n, 0, u64(12));
    store(index, 11n, u64(99), u64(2));
    expect(overlap(index, path)).toBe(3);
    index.applyRemoved(1n, 0, u64(99));
    expect(overlap(index, path)).toBe(1);
  });
});

describe("ids", () => {
  it("of which one block has two: it stays until both are gone", () => {
    const index = new KvIndex();
    store(index, null, u64(11, 12), u64(1, 2));
    store(index, null, u64(21, 22), u64(1, 2));
    store(index, 22n, u64(23), u64(3));
    expect(index.blockCount).toBe(3);
    index.applyRemoved(1n, 0, u64(11, 12));
    expect(overlap(index, u64(1, 2, 3))).toBe(3);
    index.applyRemoved(1n, 0, u64(23, 22, 21));
    expect(overlap(index, u64(1, 2, 3))).toBe(0);
    expect(index.blockCount).toBe(0);
  });

  it("that an engine gives to another block name the newest one", () => {
    const index = new KvIndex();
    store(index, null, u64(11, 12, 13), u64(1, 2, 3));
    store(index, null, u64(12), u64(9));
    expect(overlap(index, u64(9))).toBe(1);
    expect(overlap(index, u64(1, 2, 3))).toBe(1);
    expect(index.counters.reusedIds).toBe(1);
    index.applyRemoved(1n, 0, u64(13));
    index.applyRemoved(1n, 0, u64(12));
    expect(index.blockCount).toBe(1);
  });
});

describe("events that store what is stored", () => {
  it("are counted, once each; another tier, a gap that closes and another id are none", () => {
    const index = new KvIndex();
    const [ids, locals] = [u64(11, 12, 13), u64(1, 2, 3)];
    store(index, null, ids, locals);
    expect(index.counters.repeatedStores).toBe(0);
    store(index, null, ids, locals);
    store(index, 12n, u64(13, 14), u64(3, 4));
    expect(index.counters.repeatedStores).toBe(2);
    index.applyStored(
      1n,
      0,
      { parentHash: null, blockHashes: ids, tokensHashes: locals },
      "host_pinned",
    );
    index.applyRemoved(1n, 0, u64(12));
    store(index, 11n, u64(12), u64(2));
    store(index, 13n, u64(24), u64(4));
    expect(index.counters.repeatedStores).toBe(2);
    expect(overlap(index, u64(1, 2, 3, 4))).toBe(4);
  });
});

describe("a run of 10,000 blocks in one event", () => {
  const path = BigUint64Array.from({ length: 10_000 }, (_, i) => BigInt(i + 1));
  const lengths = (index: KvIndex) =>
    index
      .findMatchesByLocal(path)
      .map(({ workerId, deviceBlocks }) => [Number(workerId), deviceBlocks])
      .sort();

  it("is one path for all who hold it, and closes again over a hole", () => {
    const index = new KvIndex();
    const ids = path.map((id) => id << 20n);
    const stored = { parentHash: null, blockHashes: ids, tokensHashes: path };
    const short = { parentHash: null, blockHashes: path, tokensHashes: path.slice(0, 6000) };
    index.applyStored(1n, 0, stored);
    index.applyStored(2n, 0, { ...short, blockHashes: path.subarray(0, 6000) });
    expect(lengths(index)).toEqual([
      [1, 10_000],
      [2, 6000],
    ]);
    expect(index.recordCounts()).toEqual({ nodes: 10_000, entries: 16_000 });
    index.applyRemoved(1n, 0, ids.subarray(5000, 5001));
    expect(lengths(index)[0]).toEqual([1, 5000]);
    expect(index.applyStored(1n, 0, stored)).toBe("applied");
    expect(lengths(index)[0]).toEqual([1, 10_000]);
    expect(index.blockCount).toBe(16_000);
  });

  it("meets branches, other tiers and second ids on its way", () => {
    const index = new KvIndex();
    store(index, null, path.subarray(0, 100), path.subarray(0, 100));
    // A branch at 50, blocks that are in host memory too, and the path from 20 to 30 by other ids.
    store(index, 50n, u64(70_001, 70_002), u64(8, 9));
    const host = { parentHash: 59n, blockHashes: path.subarray(59, 70) };
    index.applyStored(1n, 0, { ...host, tokensHashes: path.subarray(59, 70) }, "host_pinned");
    store(
      index,
      20n,
      path.subarray(20, 30).map((id) => id + 90_000n),
      path.subarray(20, 30),
    );
    store(index, null, path, path);
    expect(overlap(index, path)).toBe(10_000);
    expect(index.blockCount).toBe(10_002);
    index.applyRemoved(1n, 0, path);
    expect(overlap(index, path)).toBe(0);
    // Second ids, blocks in host memory, the branch.
    expect(index.blockCount).toBe(10 + 11 + 2);
  });
});

describe("a worker", () => {
  it("that leaves is gone at once, and may come again before its memory is taken back", () => {
    const index = new KvIndex();
    store(index, null, u64(11, 12), u64(1, 2));
    index.removeWorker(1n);
    expect(index.findMatchesByLocal(u64(1, 2))).toEqual([]);
    store(index, null, u64(11), u64(1));
    expect(overlap(index, u64(1, 2))).toBe(1);
  });

  it("whose last life is half taken back is found, whichever half it is", () => {
    for (let blockCount = 1; blockCount < 20; blockCount++) {
      for (let steps = 0; steps < 60; steps++) {
        const index = new KvIndex();
        const path = BigUint64Array.from({ length: blockCount }, (_, i) => BigInt(i + 1));
        store(index, null, path, path);
        index.applyCleared(1n, 0);
        index.reclaim(steps);
        store(index, null, path.subarray(0, 1), path.subarray(0, 1));
        if (overlap(index, path) !== 1) expect.fail(`${blockCount} blocks, ${steps} steps`);
      }
    }
  });

  it("with a parent that has thousands of children keeps count", () => {
    const index = new KvIndex();
    const count = 5000;
    store(index, null, u64(1), u64(1));
    for (let i = 0; i < count; i++) store(index, 1n, u64(10 + i), u64(10 + i));
    index.applyRemoved(1n, 0, u64(1));
    expect(overlap(index, u64(1, 10))).toBe(0);
    store(index, null, u64(1), u64(1));
    expect(overlap(index, u64(1, 10))).toBe(2);
    for (let i = 0; i < count; i++) index.applyRemoved(1n, 0, u64(10 + i));
    index.applyRemoved(1n, 0, u64(1));
    expect(index.recordCounts()).toEqual({ nodes: 0, entries: 0 });
  });
});

describe("tiers", () => {
  it("continue each other: device 2, host 3 more, disk 2 more", () => {
    const index = new KvIndex();
    const stored = { parentHash: null, blockHashes: u64(1, 2), tokensHashes: u64(1, 2) };
    index.applyStored(1n, 0, stored);
    const below = (parent: bigint, ...ids: number[]) => ({
      parentHash: parent,
      blockHashes: u64(...ids),
      tokensHashes: u64(...ids),
    });
    index.applyStored(1n, 0, below(2n, 3, 4, 5), "host_pinned");
    index.applyStored(1n, 0, below(5n, 6, 7), "disk");
    expect(index.findMatchesByLocal(u64(1, 2, 3, 4, 5, 6, 7, 8))).toEqual([
      { workerId: 1n, dpRank: 0, deviceBlocks: 2, hostBlocks: 5, diskBlocks: 7 },
    ]);
  });
});

describe("an early exit", () => {
  it("finds the same workers, and stops where one is left", () => {
    const index = new KvIndex();
    const path = BigUint64Array.from({ length: 100 }, (_, i) => BigInt(i));
    store(index, null, path, path);
    const short = path.subarray(0, 10);
    index.applyStored(2n, 0, { parentHash: null, blockHashes: short, tokensHashes: short });
    const found = index.findMatchesByLocal(path, { isEarlyExit: true });
    expect(found.map(({ workerId }) => workerId).sort()).toEqual([1n, 2n]);
    const best = found.find(({ workerId }) => workerId === 1n)!;
    expect(best.deviceBlocks).toBeGreaterThan(10);
    expect(best.deviceBlocks).toBeLessThan(100);
  });
});

/** Prompts of their own, `perWorker` blocks for each of the workers. */
function fill(index: KvIndex, workerCount: number, perWorker: number, perEvent: number): void {
  let next = 1n;
  for (let worker = 0; worker < workerCount; worker++) {
    for (let done = 0; done < perWorker; done += perEvent) {
      const hashes = hasher.chain(
        BigUint64Array.from({ length: Math.min(perEvent, perWorker - done) }, () => next++),
        BigInt(worker),
      );
      index.applyStored(BigInt(worker), 0, {
        parentHash: null,
        blockHashes: hashes,
        tokensHashes: hashes,
      });
    }
  }
}

describe("memory", () => {
  it.each([
    [150_000, 72],
    [400_000, 65],
    [1_000_000, 64],
  ])(
    "at %i blocks of 100 workers is at most %i bytes a block, whole chunks included",
    (count, most) => {
      const index = new KvIndex();
      fill(index, 100, count / 100, 500);
      expect(index.blockCount).toBe(count);
      expect(index.sizeBytes / count).toBeLessThanOrEqual(most);
    },
  );

  it("has a budget: old blocks make room, and are told of", () => {
    let evicted = 0;
    const maxBytes = 4_000_000;
    const index = new KvIndex({
      maxBytes,
      onEvicted: (count) => {
        evicted += count;
      },
    });
    fill(index, 4, 100_000, 100);
    expect(index.blockCount).toBeLessThanOrEqual(maxBytes / 64);
    expect(index.blockCount).toBeGreaterThan(maxBytes / 80);
    expect(index.blockCount + evicted).toBe(400_000);
    expect(index.counters.evictedBlocks).toBe(evicted);
    // Chunks of records are whole.
    expect(index.sizeBytes).toBeLessThanOrEqual(maxBytes + 800_000);
  });

  it("keeps what is asked for over what is not", () => {
    const index = new KvIndex({ maxBytes: 64 * 2000 });
    const hot = BigUint64Array.from({ length: 10 }, (_, i) => BigInt(1000 + i));
    index.applyStored(9n, 0, { parentHash: null, blockHashes: hot, tokensHashes: hot });
    for (let i = 0; i < 100; i++) {
      const ids = BigUint64Array.from({ length: 100 }, (_, j) => BigInt(1_000_000 + 100 * i + j));
      store(index, null, ids, ids);
      expect(index.findMatchesByLocal(hot)).toMatchObject([{ workerId: 9n, deviceBlocks: 10 }]);
    }
    expect(index.counters.evictedBlocks).toBeGreaterThan(7000);
  });
});
