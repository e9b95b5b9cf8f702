// Tables of the core's memory against a Map, at sizes where pages split and come together again.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BlockCore } from "../src/index/block-core.ts";
import { BlockTable } from "../src/index/block-table.ts";
import { RecordPool } from "../src/index/record-pool.ts";

const low = (key: bigint) => Number(BigInt.asIntN(32, key));
const high = (key: bigint) => Number(BigInt.asIntN(32, key >> 32n));
const u64 = (value: bigint) => BigInt.asUintN(64, value);

class Checked {
  readonly core: BlockCore;
  readonly pool: RecordPool;
  readonly table: BlockTable;
  readonly records = new Map<bigint, number>();

  constructor(core: BlockCore, pool: RecordPool) {
    this.core = core;
    this.pool = pool;
    this.table = new BlockTable(core, core.exports.createTable(core.exports.entriesAt()));
  }

  find(key: bigint): number {
    return this.table.find(low(key), high(key));
  }

  insert(key: bigint): void {
    if (this.records.has(key)) return;
    const record = this.pool.allocate();
    this.pool.set(record, 0, low(key));
    this.pool.set(record, 1, high(key));
    this.table.insert(record);
    this.records.set(key, record);
  }

  delete(key: bigint): void {
    const record = this.records.get(key);
    if (record === undefined) return;
    this.table.delete(record);
    this.pool.release(record);
    this.records.delete(key);
  }

  expectEqual(absent: Iterable<bigint> = []): void {
    let wrongCount = 0;
    for (const [key, record] of this.records) if (this.find(key) !== record) wrongCount += 1;
    for (const key of absent) if (!this.records.has(key) && this.find(key) !== 0) wrongCount += 1;
    expect(wrongCount).toBe(0);
    const listed = [...this.table].sort((a, b) => a - b);
    expect(listed).toEqual([...this.records.values()].sort((a, b) => a - b));
  }

  drop(): void {
    for (const record of this.records.values()) this.pool.release(record);
    this.records.clear();
    this.table.drop();
  }
}

function start(seed?: number) {
  const core = new BlockCore(seed);
  return { core, pool: new RecordPool(core, core.exports.entriesAt()) };
}

/** xorshift over 64 bits. */
function* drawKeys(seed: bigint): Generator<bigint, never> {
  for (let key = seed | 1n; ; ) {
    key ^= u64(key << 13n);
    key ^= key >> 7n;
    key ^= u64(key << 17n);
    yield key;
  }
}

describe("a table of blocks", () => {
  it("finds what a Map finds while it grows and shrinks", () => {
    const waves = fc.array(
      fc.record({ insertCount: fc.nat({ max: 8000 }), keptOf8: fc.nat({ max: 8 }) }),
      { minLength: 1, maxLength: 6 },
    );
    fc.assert(
      fc.property(waves, fc.bigInt({ min: 1n, max: 2n ** 63n }), (steps, seed) => {
        const { core, pool } = start();
        // Two tables whose records and pages lie among each other's.
        const tables = [new Checked(core, pool), new Checked(core, pool)];
        const keys = drawKeys(seed);
        for (const { insertCount, keptOf8 } of steps) {
          const gone: bigint[] = [];
          for (const table of tables) {
            for (let i = 0; i < insertCount; i++) table.insert(keys.next().value);
            let i = 0;
            for (const key of [...table.records.keys()]) {
              if (i++ % 8 < keptOf8) continue;
              table.delete(key);
              gone.push(key);
            }
          }
          for (const table of tables) table.expectEqual(gone);
        }
      }),
      { numRuns: 15 },
    );
  });

  it("holds keys that count up, and those that differ in high bits alone", () => {
    const { core, pool } = start();
    for (const shift of [0n, 40n]) {
      const table = new Checked(core, pool);
      for (let i = 1n; i <= 20_000n; i++) table.insert(i << shift);
      table.expectEqual([0n, 20_001n << shift]);
    }
  });

  it("tells keys apart whose hashes begin alike", () => {
    // The hash backwards: see `mix` in wasm/block-core.ts.
    const seed = 12_345;
    const inverse = (odd: bigint) => {
      let found = odd;
      for (let i = 0; i < 6; i++) found = u64(found * (2n - odd * found));
      return found;
    };
    const golden = 0x9e3779b97f4a7c15n;
    const [first, second] = [inverse(golden), inverse(0xbf58476d1ce4e5b9n)];
    const keyOf = (hash: bigint) => {
      let h = u64(hash * second);
      h ^= (h >> 29n) ^ (h >> 58n);
      return u64(h * first) ^ u64(BigInt(seed) * golden);
    };
    const { core, pool } = start(seed);
    const table = new Checked(core, pool);
    const keys = drawKeys(9n);
    // The same 11 bits of the directory and 3 of the part: what splits pages is not in their slots any more.
    for (let i = 0; i < 6000; i++) {
      table.insert(keyOf((0x5abn << 53n) | (keys.next().value & ~((2047n << 53n) | (7n << 43n)))));
    }
    table.expectEqual();
    for (const key of [...table.records.keys()].slice(500)) table.delete(key);
    table.expectEqual();
  });

  it("gives its memory to the next one", () => {
    const { core, pool } = start();
    let sizeBytes = 0;
    for (let round = 0; round < 5; round++) {
      const table = new Checked(core, pool);
      const keys = drawKeys(3n);
      for (let i = 0; i < 30_000; i++) table.insert(keys.next().value);
      if (round === 0) sizeBytes = core.sizeBytes;
      expect(core.sizeBytes).toBe(sizeBytes);
      table.drop();
    }
  });
});
