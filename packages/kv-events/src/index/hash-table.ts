// Finds records by the 64-bit key in their first two words. Open addressing over 5 bytes a slot: a tag byte, which
// spares nearly every look at a record that is not the one, and the record's number. The table is many small ones that
// grow one by one, each at another time: no insertion waits for more than a few hundred others to be moved.
import { chunkBits, chunkMask, type RecordPool } from "./record-pool.ts";

const empty = 0;
const deleted = 1;
const firstTag = 2;
const maxLoad = 0.85;
const growth = 1.5;
const smallest = 8;

/** Both words, mixed; the high bits choose the slot, the low ones the tag, others the part. */
function mix(low: number, high: number): number {
  let h = Math.imul(low ^ (low >>> 15), 0x2c1b3c6d) ^ Math.imul(high ^ (high >>> 13), 0x297a2d39);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  return (h ^ (h >>> 13)) >>> 0;
}

function partHash(h: number): number {
  return Math.imul(h, 0x9e3779b1) >>> 16;
}

/** Takes what `prepare` loads, so that no compiler finds the loads useless. */
const sink = new Uint32Array(1);
/** Scratch of `rebuild`. */
let hashes = new Uint32Array(1024);

class Part {
  tags: Uint8Array;
  records: Uint32Array;
  /** Slots that are not empty: records and deleted ones. */
  usedCount = 0;
  recordCount = 0;

  constructor(capacity: number) {
    this.tags = new Uint8Array(capacity);
    this.records = new Uint32Array(capacity);
  }
}

export class HashTable {
  readonly #pool: RecordPool;
  readonly #parts: (Part | null)[];
  readonly #mask: number;
  #sizeBytes = 0;
  #recordCount = 0;

  /** `partCount`: a power of two. */
  constructor(pool: RecordPool, partCount: number) {
    this.#pool = pool;
    this.#parts = new Array<Part | null>(partCount).fill(null);
    this.#mask = partCount - 1;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  get recordCount(): number {
    return this.#recordCount;
  }

  /** Looks at the places of many keys without finding them: the loads do not wait for each other. */
  prepare(keys: Uint32Array, length: number): void {
    let sum = 0;
    for (let i = 0; i < length; i += 2) {
      const h = mix(keys[i]!, keys[i + 1]!);
      const part = this.#parts[partHash(h) & this.#mask]!;
      if (part === null) continue;
      const slot = homeOf(h, part.tags.length);
      sum += part.tags[slot]! + part.records[slot]!;
    }
    sink[0] = sum;
  }

  /** The record with that key, or 0. */
  find(low: number, high: number): number {
    const h = mix(low, high);
    const part = this.#parts[partHash(h) & this.#mask]!;
    if (part === null) return 0;
    const { tags, records } = part;
    const { chunks, stride } = this.#pool;
    const capacity = tags.length;
    const tag = tagOf(h);
    let slot = homeOf(h, capacity);
    for (;;) {
      const there = tags[slot]!;
      if (there === tag) {
        const record = records[slot]!;
        const words = chunks[record >>> chunkBits]!;
        const at = (record & chunkMask) * stride;
        if (words[at] === low && words[at + 1] === high) return record;
      } else if (there === empty) {
        return 0;
      }
      if (++slot === capacity) slot = 0;
    }
  }

  /** The key stands in the record already and in no other one of this table. */
  insert(record: number): void {
    const h = mix(this.#pool.get(record, 0), this.#pool.get(record, 1));
    const partNumber = partHash(h) & this.#mask;
    let part = this.#parts[partNumber]!;
    if (part === null || part.usedCount + 1 > part.tags.length * maxLoad) {
      part = this.#grow(partNumber, part);
    }
    place(part, h, record);
    this.#recordCount += 1;
  }

  /** Takes out this very record. */
  delete(record: number): void {
    const h = mix(this.#pool.get(record, 0), this.#pool.get(record, 1));
    const partNumber = partHash(h) & this.#mask;
    const part = this.#parts[partNumber]!;
    if (part === null) return;
    const { tags, records } = part;
    const capacity = tags.length;
    for (let slot = homeOf(h, capacity); tags[slot] !== empty; ) {
      const next = slot + 1 === capacity ? 0 : slot + 1;
      if (records[slot] === record && tags[slot] !== deleted) {
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
      for (let slot = 0; slot < part.tags.length; slot++) {
        if (part.tags[slot]! >= firstTag) yield part.records[slot]!;
      }
    }
  }

  /** Parts begin with different sizes, so that they do not all grow at once and the whole is always equally full. */
  #grow(partNumber: number, old: Part | null): Part {
    if (old === null) {
      const capacity = Math.round(smallest * growth ** (partNumber / this.#parts.length));
      return this.#rebuild(partNumber, null, capacity);
    }
    // Full of deleted slots rather than of records: the same size, swept.
    const isCrowded = old.recordCount + 1 > old.tags.length * maxLoad * 0.8;
    const capacity = isCrowded ? Math.ceil(old.tags.length * growth) : old.tags.length;
    return this.#rebuild(partNumber, old, capacity);
  }

  #rebuild(partNumber: number, old: Part | null, capacity: number): Part {
    const part = new Part(capacity);
    this.#sizeBytes += 5 * (capacity - (old?.tags.length ?? 0));
    this.#parts[partNumber] = part;
    if (old === null) return part;
    const { tags, records } = old;
    const { chunks, stride } = this.#pool;
    if (hashes.length < tags.length) hashes = new Uint32Array(2 * tags.length);
    // In a loop of its own, so that the CPU fetches many records at once.
    for (let slot = 0; slot < tags.length; slot++) {
      if (tags[slot]! < firstTag) continue;
      const record = records[slot]!;
      const words = chunks[record >>> chunkBits]!;
      const at = (record & chunkMask) * stride;
      hashes[slot] = mix(words[at]!, words[at + 1]!);
    }
    for (let slot = 0; slot < tags.length; slot++) {
      if (tags[slot]! >= firstTag) place(part, hashes[slot]!, records[slot]!);
    }
    return part;
  }
}

function place(part: Part, h: number, record: number): void {
  const { tags } = part;
  const capacity = tags.length;
  let slot = homeOf(h, capacity);
  while (tags[slot]! >= firstTag) if (++slot === capacity) slot = 0;
  if (tags[slot] === empty) part.usedCount += 1;
  part.recordCount += 1;
  tags[slot] = tagOf(h);
  part.records[slot] = record;
}

function tagOf(h: number): number {
  const tag = h & 0xff;
  return tag < firstTag ? tag + firstTag : tag;
}

function homeOf(h: number, capacity: number): number {
  return Math.floor((h * capacity) / 0x1_0000_0000);
}
