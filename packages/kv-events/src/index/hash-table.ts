// Finds records by the 64-bit key in their first two words. Open addressing over 6 bytes a slot: the record's number in
// 26 bits and, in the other 22, everything of the hash that its place depends on. So a wrong record is next to never
// looked at, and growing reads no records, which lie all over memory. The table is many small ones that grow one by
// one, each at another time: no insertion waits for more than a few thousand slots to be moved.
import { chunkBits, chunkMask, type RecordPool } from "./record-pool.ts";

/** Of 16 bits; all others are parts of hashes. */
const empty = 0;
const deleted = 1;
const firstTag = 2;
const hashBits = 22;
const hashMask = (1 << hashBits) - 1;
const hashCount = 1 << hashBits;
/** Above the tag's 16. */
const highHashBits = hashBits - 16;
const highHashMask = (1 << highHashBits) - 1;
const maxLoad = 0.89;
/** Doubling moves a record once on average; smaller steps move it more often and waste less. */
const defaultGrowth = 2;
const smallest = 8;

/** Records that a table can tell apart. */
export const maxRecords = 1 << (32 - highHashBits);

class Part {
  readonly capacity: number;
  /** [capacity] the low 16 bits of the hash, or empty, or deleted. */
  readonly tags: Uint16Array;
  /** [capacity] record number, high bits of the hash below it. */
  readonly slots: Int32Array;
  /** Slots that are not empty: records and deleted ones. */
  usedCount = 0;
  recordCount = 0;

  constructor(capacity: number) {
    this.capacity = capacity;
    this.tags = new Uint16Array(capacity);
    this.slots = new Int32Array(capacity);
  }
}

export class HashTable {
  readonly #pool: RecordPool;
  readonly #parts: (Part | null)[];
  readonly #mask: number;
  readonly #growth: number;
  #sizeBytes = 0;
  #recordCount = 0;
  /** Where the last vain look ended: what is inserted after it needs no look of its own. */
  #vainHash = 0;
  #vainPart: Part | null = null;
  #vainSlot = 0;

  /** `partCount`: a power of two, 1024 at most. */
  constructor(pool: RecordPool, partCount: number, growth = defaultGrowth) {
    this.#pool = pool;
    this.#growth = growth;
    this.#parts = new Array<Part | null>(partCount).fill(null);
    this.#mask = partCount - 1;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  get recordCount(): number {
    return this.#recordCount;
  }

  /** The record with that key, or 0. */
  find(low: number, high: number): number {
    const h = mix(low, high);
    const part = this.#parts[(h >>> hashBits) & this.#mask]!;
    if (part === null) return 0;
    const { tags, slots, capacity } = part;
    const hash = placeHash(h);
    const tag = hash & 0xffff;
    const rest = hash >>> 16;
    let slot = homeOf(hash, capacity);
    for (;;) {
      const there = tags[slot]!;
      if (there === tag) {
        const value = slots[slot]!;
        if ((value & highHashMask) === rest) {
          const record = value >>> highHashBits;
          const words = this.#pool.chunks[record >>> chunkBits]!;
          const at = (record & chunkMask) * this.#pool.stride;
          if (words[at] === low && words[at + 1] === high) return record;
        }
      } else if (there === empty) {
        this.#vainHash = h;
        this.#vainPart = part;
        this.#vainSlot = slot;
        return 0;
      }
      if (++slot === capacity) slot = 0;
    }
  }

  /** The key stands in the record already and in no other one of this table. */
  insert(record: number): void {
    this.insertKey(record, this.#pool.get(record, 0), this.#pool.get(record, 1));
  }

  /** The same, for who knows the key. */
  insertKey(record: number, low: number, high: number): void {
    const h = mix(low, high);
    const partNumber = (h >>> hashBits) & this.#mask;
    let part = this.#parts[partNumber]!;
    if (part === null || part.usedCount + 1 > part.capacity * maxLoad) {
      part = this.#grow(partNumber, part);
    }
    const hash = placeHash(h);
    const value = (record << highHashBits) | (hash >>> 16);
    this.#recordCount += 1;
    const slot = this.#vainSlot;
    if (h === this.#vainHash && part === this.#vainPart && part.tags[slot] === empty) {
      part.usedCount += 1;
      part.recordCount += 1;
      part.tags[slot] = hash & 0xffff;
      part.slots[slot] = value;
      return;
    }
    place(part, hash, value);
  }

  /** Takes out this very record. */
  delete(record: number): void {
    const h = mix(this.#pool.get(record, 0), this.#pool.get(record, 1));
    const partNumber = (h >>> hashBits) & this.#mask;
    const part = this.#parts[partNumber]!;
    if (part === null) return;
    const { tags, slots, capacity } = part;
    for (let slot = homeOf(placeHash(h), capacity); tags[slot] !== empty; ) {
      const next = slot + 1 === capacity ? 0 : slot + 1;
      if (tags[slot] !== deleted && slots[slot]! >>> highHashBits === record) {
        // In front of an empty slot nobody looks past this one.
        const isLast = tags[next] === empty;
        tags[slot] = isLast ? empty : deleted;
        if (isLast) part.usedCount -= 1;
        part.recordCount -= 1;
        this.#recordCount -= 1;
        if (capacity > 4 * smallest && part.recordCount < capacity / 4) {
          this.#rebuild(partNumber, part, Math.ceil(capacity / 2));
        }
        return;
      }
      slot = next;
    }
  }

  /** Every record, in no order. The table must not change meanwhile. */
  *[Symbol.iterator](): Generator<number> {
    for (const part of this.#parts) {
      if (part === null) continue;
      for (let slot = 0; slot < part.capacity; slot++) {
        if (part.tags[slot]! >= firstTag) yield part.slots[slot]! >>> highHashBits;
      }
    }
  }

  /** Parts begin with different sizes, so that they do not all grow at once and the whole is always equally full. */
  #grow(partNumber: number, old: Part | null): Part {
    if (old === null) {
      const capacity = Math.round(smallest * this.#growth ** (partNumber / this.#parts.length));
      return this.#rebuild(partNumber, null, capacity);
    }
    // Full of deleted slots rather than of records: the same size, swept.
    const isCrowded = old.recordCount + 1 > old.capacity * maxLoad * 0.8;
    return this.#rebuild(
      partNumber,
      old,
      isCrowded ? Math.ceil(old.capacity * this.#growth) : old.capacity,
    );
  }

  #rebuild(partNumber: number, old: Part | null, capacity: number): Part {
    const part = new Part(capacity);
    this.#sizeBytes += 6 * (capacity - (old?.capacity ?? 0));
    this.#parts[partNumber] = part;
    if (old === null) return part;
    const { tags, slots } = old;
    for (let slot = 0; slot < tags.length; slot++) {
      const tag = tags[slot]!;
      if (tag < firstTag) continue;
      const value = slots[slot]!;
      place(part, ((value & highHashMask) << 16) | tag, value);
    }
    return part;
  }
}

/** Both words, mixed. The high bits choose the part, the others the place in it. */
function mix(low: number, high: number): number {
  let h = Math.imul(low ^ (low >>> 15), 0x2c1b3c6d) ^ Math.imul(high ^ (high >>> 13), 0x297a2d39);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  return h ^ (h >>> 13);
}

/** 22 bits whose low 16 are never those that mean empty or deleted. */
function placeHash(h: number): number {
  const hash = h & hashMask;
  return (hash & 0xffff) < firstTag ? hash | firstTag : hash;
}

function homeOf(hash: number, capacity: number): number {
  return Math.floor((hash * capacity) / hashCount);
}

function place(part: Part, hash: number, value: number): void {
  const { tags, capacity } = part;
  let slot = homeOf(hash, capacity);
  while (tags[slot]! >= firstTag) if (++slot === capacity) slot = 0;
  if (tags[slot] === empty) part.usedCount += 1;
  part.recordCount += 1;
  tags[slot] = hash & 0xffff;
  part.slots[slot] = value;
}
