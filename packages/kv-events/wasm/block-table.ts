// Table: 8 parts, each an extendible directory of pages. A page is open addressing over 6 bytes a slot: 16 bits of tag, then a
// record's number in 26 bits and 6 more bits of the hash. That is all of the hash that a place depends on, so that growing
// reads pages alone and no records, which lie all over memory. A full page is split in two (some 700 records, whatever the
// table's size); pages of different parts have different sizes, so that they do not all split at once and the whole is
// always equally full. Taking out moves back what follows: nothing marks places where something was.
import { FREE, FREE_DIRECTORIES, SIZES, recordAt, take } from "./block-memory";

const PARTS: usize = 8;
/** Level of a page that is split when full; each one below has half the bytes. */
const FULL: u32 = 6;
const PAGE_BYTES: f64 = 4096;
const MOST_DEPTH: u32 = 18;
/** Bits of the directory that slots hold. */
const STORED_DEPTH: u32 = 11;
const PLACE_MASK: u32 = 2047;
/** Where tables that were dropped are kept, beside directories. */
const DROPPED: u32 = 20;

let seed: u64 = 0;
/** Where the last vain look ended: a record may be put there as long as its table did not change. */
export let vainPage: usize = 0;
export let vainSlot: u32 = 0;

/** `random`: so that nobody can choose keys that meet. */
export function startTables(random: u32): void {
  seed = <u64>random * 0x9e3779b97f4a7c15;
  let bytes: f64 = PAGE_BYTES;
  for (let part: usize = 0; part < PARTS; part++) {
    store<u32>(SIZES + 4 * part, <u32>bytes);
    bytes *= 1.0905077326652577; // the eighth root of 2
  }
}

/** 32 bits: [31..21] directory and stored, [20..11] part and rest of the directory, [10..0] place and stored. */
@inline
export function mix(key: u64): u32 {
  let h = (key ^ seed) * 0x9e3779b97f4a7c15;
  h = (h ^ (h >> 29)) * 0xbf58476d1ce4e5b9;
  return <u32>(h >> 32);
}

@inline
function partOf(table: usize, h: u32): usize {
  return table + (((h >> 11) & 7) << 3);
}

@inline
function directoryIndex(h: u32, depth: u32): u32 {
  return <u32>((<u64>h) >> (32 - depth));
}

/** Never 0, which is an empty slot. */
@inline
function tagOf(h: u32): u32 {
  const tag = (((h >> 21) << 11) | (h & PLACE_MASK)) & 0xffff;
  return tag ? tag : 1;
}

@inline
function homeOf(tag: u32, capacity: u32): u32 {
  return ((tag & PLACE_MASK) * capacity) >> 11;
}

// Page: count u16, capacity u16, depth u8, level u8, part u8, then tags, then slots.
@inline
function countOf(page: usize): u32 {
  return load<u16>(page);
}
@inline
function capacityOf(page: usize): u32 {
  return load<u16>(page, 2);
}
@inline
function slotsOf(page: usize, capacity: u32): usize {
  return page + 8 + (capacity << 1);
}

function bytesOf(part: u32, level: u32): u32 {
  return (load<u32>(SIZES + 4 * part) >> (FULL - level)) & ~7;
}

function createPage(part: u32, level: u32, depth: u32): usize {
  const bytes = bytesOf(part, level);
  const free = FREE + 4 * (part * (FULL + 1) + level);
  let page: usize = load<u32>(free);
  if (page) store<u32>(free, load<u32>(page));
  else page = take(bytes);
  const capacity = ((bytes - 8) / 6) & ~1;
  memory.fill(page, 0, 8 + 2 * capacity);
  store<u16>(page, capacity, 2);
  store<u8>(page, depth, 4);
  store<u8>(page, level, 5);
  store<u8>(page, part, 6);
  return page;
}

function freePage(page: usize): void {
  const free = FREE + 4 * (load<u8>(page, 6) * (FULL + 1) + load<u8>(page, 5));
  store<u32>(page, load<u32>(free));
  store<u32>(free, page);
}

function createDirectory(depth: u32): usize {
  const free = FREE_DIRECTORIES + 4 * depth;
  const at: usize = load<u32>(free);
  if (at) {
    store<u32>(free, load<u32>(at));
    return at;
  }
  return take(max(8, (<usize>4) << depth));
}

function freeDirectory(at: usize, depth: u32): void {
  const free = FREE_DIRECTORIES + 4 * depth;
  store<u32>(at, load<u32>(free));
  store<u32>(free, at);
}

/** [8] directory, depth; then the pool. Tables that were dropped are given out again. */
export function createTable(pool: usize): usize {
  const free = FREE_DIRECTORIES + 4 * DROPPED;
  let table: usize = load<u32>(free);
  if (table) store<u32>(free, load<u32>(table));
  else table = take(8 * PARTS + 8);
  memory.fill(table, 0, 8 * PARTS + 8);
  store<u32>(table, pool, 8 * PARTS);
  return table;
}

export function dropTable(table: usize): void {
  for (let at = table; at < table + 8 * PARTS; at += 8) {
    const directory: usize = load<u32>(at);
    if (!directory) continue;
    const depth = load<u32>(at, 4);
    for (let i: u32 = 0; i < (<u32>1) << depth; ) {
      const page: usize = load<u32>(directory + (i << 2));
      i += (<u32>1) << (depth - load<u8>(page, 4));
      freePage(page);
    }
    freeDirectory(directory, depth);
  }
  freeDirectory(table, DROPPED);
}

/** The record with that key; or 0, and where it would stand in `vainPage` and `vainSlot`. */
@inline
export function look(table: usize, pool: usize, key: u64, h: u32): u32 {
  const part = partOf(table, h);
  const directory: usize = load<u32>(part);
  vainPage = 0;
  if (!directory) return 0;
  const page: usize = load<u32>(directory + (directoryIndex(h, load<u32>(part, 4)) << 2));
  const capacity = capacityOf(page);
  const tag = tagOf(h);
  let slot = homeOf(tag, capacity);
  for (;;) {
    const there: u32 = load<u16>(page + (slot << 1), 8);
    if (there == 0) break;
    if (there == tag) {
      const value = load<u32>(slotsOf(page, capacity) + (slot << 2));
      if ((value & 63) == h >> 26 && load<u64>(recordAt(pool, value >> 6)) == key) return value >> 6;
    }
    if (++slot == capacity) slot = 0;
  }
  vainPage = page;
  vainSlot = slot;
  return 0;
}

/** Reads where the key would stand, so that it is near when it is looked for. */
@inline
export function touch(table: usize, h: u32): u32 {
  const part = partOf(table, h);
  const directory: usize = load<u32>(part);
  if (!directory) return 0;
  const page: usize = load<u32>(directory + (directoryIndex(h, load<u32>(part, 4)) << 2));
  const capacity = capacityOf(page);
  const slot = homeOf(tagOf(h), capacity);
  return load<u16>(page + (slot << 1), 8) + load<u32>(slotsOf(page, capacity) + (slot << 2));
}

export function find(table: usize, low: u32, high: u32): u32 {
  const key = ((<u64>high) << 32) | <u64>low;
  return look(table, load<u32>(table, 8 * PARTS), key, mix(key));
}

@inline
function place(page: usize, tag: u32, value: u32): void {
  const capacity = capacityOf(page);
  let slot = homeOf(tag, capacity);
  while (load<u16>(page + (slot << 1), 8)) if (++slot == capacity) slot = 0;
  store<u16>(page + (slot << 1), tag, 8);
  store<u32>(slotsOf(page, capacity) + (slot << 2), value);
  store<u16>(page, countOf(page) + 1);
}

/** Everything of one page into another one, or into two by the bit below their depth. */
function moveAll(pool: usize, from: usize, to0: usize, to1: usize): void {
  const capacity = capacityOf(from);
  const depth: u32 = load<u8>(from, 4);
  for (let slot: u32 = 0; slot < capacity; slot++) {
    const tag: u32 = load<u16>(from + (slot << 1), 8);
    if (!tag) continue;
    const value = load<u32>(slotsOf(from, capacity) + (slot << 2));
    let to = to0;
    if (to1) {
      const h =
        depth < STORED_DEPTH
          ? ((value & 63) << 26) | ((tag >> 11) << 21)
          : mix(load<u64>(recordAt(pool, value >> 6)));
      if ((h >> (31 - depth)) & 1) to = to1;
    }
    place(to, tag, value);
  }
}

/** In all places of the directory that share the first `depth` bits with `index`. */
function point(part: usize, index: u32, depth: u32, page: usize): void {
  const width = (<u32>1) << (load<u32>(part, 4) - depth);
  const from = index & ~(width - 1);
  const directory: usize = load<u32>(part);
  for (let i = from; i < from + width; i++) store<u32>(directory + (i << 2), page);
}

@inline
function isFull(page: usize): bool {
  return (countOf(page) + 1) * 16 > capacityOf(page) * 13;
}

function makeRoom(part: usize, pool: usize, page: usize, h: u32): void {
  const partNumber: u32 = load<u8>(page, 6);
  const depth: u32 = load<u8>(page, 4);
  const level: u32 = load<u8>(page, 5);
  if (level < FULL) {
    const larger = createPage(partNumber, level + 1, depth);
    moveAll(pool, page, larger, 0);
    point(part, directoryIndex(h, load<u32>(part, 4)), depth, larger);
    freePage(page);
    return;
  }
  // The hash has no more bits: by chance not before there are more records than numbers for them.
  if (depth == MOST_DEPTH) unreachable();
  const whole = load<u32>(part, 4);
  if (depth == whole) {
    const old: usize = load<u32>(part);
    const directory = createDirectory(whole + 1);
    for (let i: u32 = 0; i < (<u32>1) << whole; i++) {
      const each = load<u32>(old + (i << 2));
      store<u32>(directory + (i << 3), each);
      store<u32>(directory + (i << 3), each, 4);
    }
    freeDirectory(old, whole);
    store<u32>(part, directory);
    store<u32>(part, whole + 1, 4);
  }
  const page0 = createPage(partNumber, FULL, depth + 1);
  const page1 = createPage(partNumber, FULL, depth + 1);
  moveAll(pool, page, page0, page1);
  const now = load<u32>(part, 4);
  const half = (<u32>1) << (now - depth - 1);
  const index = directoryIndex(h, now) & ~(2 * half - 1);
  point(part, index, depth + 1, page0);
  point(part, index + half, depth + 1, page1);
  freePage(page);
}

/** `vacant`, `slot`: what the vain `look` for the same key left; 0 when there was none. */
export function put(
  table: usize,
  pool: usize,
  record: u32,
  h: u32,
  vacant: usize,
  slot: u32,
): void {
  const tag = tagOf(h);
  const value = (record << 6) | (h >> 26);
  if (vacant != 0 && !isFull(vacant)) {
    store<u16>(vacant + (slot << 1), tag, 8);
    store<u32>(slotsOf(vacant, capacityOf(vacant)) + (slot << 2), value);
    store<u16>(vacant, countOf(vacant) + 1);
    return;
  }
  const part = partOf(table, h);
  if (!load<u32>(part)) {
    const directory = createDirectory(0);
    store<u32>(directory, createPage((h >> 11) & 7, 0, 0));
    store<u32>(part, directory);
    store<u32>(part, 0, 4);
  }
  let page: usize = 0;
  for (;;) {
    page = load<u32>(load<u32>(part) + (directoryIndex(h, load<u32>(part, 4)) << 2));
    if (!isFull(page)) break;
    makeRoom(part, pool, page, h);
  }
  place(page, tag, value);
}

/** The key stands in the record, and in no other one of the table. */
export function insert(table: usize, record: u32): void {
  const pool: usize = load<u32>(table, 8 * PARTS);
  put(table, pool, record, mix(load<u64>(recordAt(pool, record))), 0, 0);
}

/** Takes out this very record. */
export function remove(table: usize, record: u32): void {
  const pool: usize = load<u32>(table, 8 * PARTS);
  const h = mix(load<u64>(recordAt(pool, record)));
  const part = partOf(table, h);
  const directory: usize = load<u32>(part);
  if (!directory) return;
  const index = directoryIndex(h, load<u32>(part, 4));
  const page: usize = load<u32>(directory + (index << 2));
  const capacity = capacityOf(page);
  const slots = slotsOf(page, capacity);
  const value = (record << 6) | (h >> 26);
  let hole = homeOf(tagOf(h), capacity);
  for (;;) {
    if (!load<u16>(page + (hole << 1), 8)) return;
    if (load<u32>(slots + (hole << 2)) == value) break;
    if (++hole == capacity) hole = 0;
  }
  for (let next = hole; ; ) {
    if (++next == capacity) next = 0;
    const tag: u32 = load<u16>(page + (next << 1), 8);
    if (!tag) break;
    const home = homeOf(tag, capacity);
    const fromHome = next >= home ? next - home : next + capacity - home;
    const fromHole = next >= hole ? next - hole : next + capacity - hole;
    if (fromHome < fromHole) continue;
    store<u16>(page + (hole << 1), tag, 8);
    store<u32>(slots + (hole << 2), load<u32>(slots + (next << 2)));
    hole = next;
  }
  store<u16>(page + (hole << 1), 0, 8);
  store<u16>(page, countOf(page) - 1);
  if (countOf(page) * 5 < capacity) shrink(part, pool, page, index);
}

function shrink(part: usize, pool: usize, page: usize, index: u32): void {
  const partNumber: u32 = load<u8>(page, 6);
  const depth: u32 = load<u8>(page, 4);
  const level: u32 = load<u8>(page, 5);
  if (depth > 0) {
    const width = (<u32>1) << (load<u32>(part, 4) - depth);
    const other: usize = load<u32>(load<u32>(part) + ((index ^ width) << 2));
    if (load<u8>(other, 4) != depth) return;
    if ((countOf(page) + countOf(other)) * 2 > capacityOf(page)) return;
    const both = createPage(partNumber, FULL, depth - 1);
    moveAll(pool, page, both, 0);
    moveAll(pool, other, both, 0);
    point(part, index, depth - 1, both);
    freePage(page);
    freePage(other);
  } else if (level > 0) {
    const smaller = createPage(partNumber, level - 1, 0);
    moveAll(pool, page, smaller, 0);
    point(part, index, 0, smaller);
    freePage(page);
  }
}

/**
 * From this cursor on, the first one at which there is a record; 0xffffffff after the last. 0 is the first cursor.
 * [31..29] part, [28..11] place in the directory, [10..0] slot. The table must not change meanwhile.
 */
export function seek(table: usize, cursor: u32): u32 {
  let index = (cursor >> 11) & 0x3ffff;
  let slot = cursor & PLACE_MASK;
  for (let n = cursor >> 29; n < <u32>PARTS; n++, index = 0, slot = 0) {
    const directory: usize = load<u32>(table + (n << 3));
    if (!directory) continue;
    const depth = load<u32>(table + (n << 3), 4);
    while (index < (<u32>1) << depth) {
      const page: usize = load<u32>(directory + (index << 2));
      for (; slot < capacityOf(page); slot++) {
        if (load<u16>(page + (slot << 1), 8)) return (n << 29) | (index << 11) | slot;
      }
      index += (<u32>1) << (depth - load<u8>(page, 4));
      slot = 0;
    }
  }
  return 0xffffffff;
}

export function recordOf(table: usize, cursor: u32): u32 {
  const directory: usize = load<u32>(table + ((cursor >> 29) << 3));
  const page: usize = load<u32>(directory + (((cursor >> 11) & 0x3ffff) << 2));
  return load<u32>(slotsOf(page, capacityOf(page)) + ((cursor & PLACE_MASK) << 2)) >> 6;
}
