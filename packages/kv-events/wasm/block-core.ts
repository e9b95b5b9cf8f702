// The memory of the prefix index and what is done for every block of an event: records, tables that find them by a 64-bit
// key, and runs of blocks below a parent. In AssemblyScript, for JavaScript has no 64-bit keys and looks at every array's bounds.
// `pnpm --filter @dyn/kv-events run wasm` compiles it into src/index/block-core-wasm.ts; a test keeps the two equal.
// Records are those of src/index/block-forest.ts, which reads and writes the same memory.
//
// Table: 8 parts, each an extendible directory of pages. A page is open addressing over 6 bytes a slot: 16 bits of tag, then a
// record's number in 26 bits and 6 more bits of the hash. That is all of the hash that a place depends on, so that growing
// reads pages alone and no records, which lie all over memory. A full page is split in two (some 700 records, whatever the
// table's size); pages of different parts have different sizes, so that they do not all split at once and the whole is
// always equally full. Taking out moves back what follows: nothing marks places where something was.

// Fixed places. [0, 64) is left free: 0 says "none".
const SIZES: usize = 64; // [8] u32 bytes of a part's full page
const FREE: usize = 128; // [8 x 7] first free page of that part and level
const FREE_DIRECTORIES: usize = 384; // [24] by the logarithm of entries
/** Pools: used, first free, free count, chunk count, then addresses of chunks. */
const NODES: usize = 4096;
const ENTRIES: usize = NODES + 32768;
/** What `extend` reads: [RUN] u64 each. */
const IDS: usize = ENTRIES + 32768;
const RUN: usize = 4096;
const LOCALS: usize = IDS + 8 * RUN;
const SEQUENCES: usize = LOCALS + 8 * RUN;
const HEAP: usize = SEQUENCES + 8 * RUN;

const CHUNK_BITS: u32 = 14;
const CHUNK_MASK: u32 = (1 << CHUNK_BITS) - 1;
const STRIDE: usize = 24;
const GROW_PAGES: i32 = 32;

const PARTS: usize = 8;
const FULL: u32 = 6;
const PAGE_BYTES: f64 = 4096;
const MOST_DEPTH: u32 = 18;
const STORED_DEPTH: u32 = 11;
const PLACE_MASK: u32 = 2047;

const COUNT_MASK: u32 = (1 << 24) - 1;
const LISTED: u32 = 1 << 27;
const MOST_CHILDREN: u32 = 2047;
const REFERENCED: u32 = 2048;
const TIERS: u32 = 0xf000;

let seed: u64 = 0;
let top: usize = HEAP;
let nodeTable: usize = 0;
/** Where the last vain look ended; a record may be put there as long as nothing else was. */
let vainPage: usize = 0;
let vainSlot: u32 = 0;
/** Of the last `extend`. */
let last: u32 = 0;
let added: u32 = 0;
let addedRoots: u32 = 0;

/** `random`: so that nobody can choose keys that meet. The address of the table of nodes. */
export function start(random: u32): usize {
  seed = <u64>random * 0x9e3779b97f4a7c15;
  store<u32>(NODES, 1);
  store<u32>(ENTRIES, 1);
  let bytes: f64 = PAGE_BYTES;
  for (let part: usize = 0; part < PARTS; part++) {
    store<u32>(SIZES + 4 * part, <u32>bytes);
    bytes *= 1.0905077326652577; // the eighth root of 2
  }
  nodeTable = createTable(NODES);
  return nodeTable;
}

export function nodesAt(): usize {
  return NODES;
}

export function entriesAt(): usize {
  return ENTRIES;
}

export function runAt(): usize {
  return IDS;
}

/** Bytes taken so far, those that are free again among them. */
export function sizeBytes(): usize {
  return top - HEAP;
}

/** Never fails: the index keeps as few records as fit. */
function take(bytes: usize): usize {
  const at = top;
  const end = <u64>at + <u64>bytes;
  if (end > (<u64>memory.size()) << 16) {
    const needed = <i32>((end - ((<u64>memory.size()) << 16) + 65535) >> 16);
    if (memory.grow(max(needed, GROW_PAGES)) < 0 && memory.grow(needed) < 0) unreachable();
  }
  top = <usize>end;
  return at;
}

// Records

@inline
function recordAt(pool: usize, record: u32): usize {
  return <usize>load<u32>(pool + ((record >> CHUNK_BITS) << 2), 16) + STRIDE * (record & CHUNK_MASK);
}

export function allocate(pool: usize): u32 {
  const free = load<u32>(pool, 4);
  if (free) {
    store<u32>(pool, load<u32>(recordAt(pool, free)), 4);
    store<u32>(pool, load<u32>(pool, 8) - 1, 8);
    return free;
  }
  const used = load<u32>(pool);
  const chunk = used >> CHUNK_BITS;
  if (chunk == load<u32>(pool, 12)) {
    store<u32>(pool + (chunk << 2), take(STRIDE << CHUNK_BITS), 16);
    store<u32>(pool, chunk + 1, 12);
  }
  store<u32>(pool, used + 1);
  return used;
}

// Tables

/** 32 bits: [31..21] directory and stored, [20..11] part and rest of the directory, [10..0] place and stored. */
@inline
function mix(key: u64): u32 {
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
  const free = FREE_DIRECTORIES + 4 * 20;
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
  freeDirectory(table, 20);
}

/** The record with that key, or 0 and where it would stand. */
@inline
function look(table: usize, pool: usize, key: u64, h: u32): u32 {
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
  return (countOf(page) + 1) * 10 > capacityOf(page) * 9;
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

/** After a vain `look` for the same key. */
function put(table: usize, pool: usize, record: u32, h: u32): void {
  const tag = tagOf(h);
  const value = (record << 6) | (h >> 26);
  let page = vainPage;
  if (page != 0 && !isFull(page)) {
    store<u16>(page + (vainSlot << 1), tag, 8);
    store<u32>(slotsOf(page, capacityOf(page)) + (vainSlot << 2), value);
    store<u16>(page, countOf(page) + 1);
    return;
  }
  const part = partOf(table, h);
  if (!load<u32>(part)) {
    const directory = createDirectory(0);
    store<u32>(directory, createPage((h >> 11) & 7, 0, 0));
    store<u32>(part, directory);
    store<u32>(part, 0, 4);
  }
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
  vainPage = 0;
  put(table, pool, record, mix(load<u64>(recordAt(pool, record))));
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

// Runs

/** The node with that name below `above` (0 for roots), or 0: as a neighbour, else by the table. */
@inline
function childNode(above: u32, key: u64): u32 {
  if (above != 0 && above + 1 < load<u32>(NODES)) {
    const at = recordAt(NODES, above + 1);
    if (load<u64>(at) == key && load<u32>(at, 16) != 0) return above + 1;
  }
  return look(nodeTable, NODES, key, mix(key));
}

/** The block's name and local hash stand at `i` of the run. */
@inline
function addNode(above: u32, i: usize): u32 {
  const node = allocate(NODES);
  const at = recordAt(NODES, node);
  const key = load<u64>(SEQUENCES + i);
  store<u64>(at, key);
  store<u64>(at, load<u64>(LOCALS + i), 8);
  store<u32>(at, 0, 16);
  const depth = above ? ((load<u32>(recordAt(NODES, above), 20) >> 24) + 1) & 7 : 0;
  const isListed = depth == 0 || node != above + 1;
  store<u32>(at, (depth << 24) | (isListed ? LISTED : 0), 20);
  if (isListed) {
    const h = mix(key);
    look(nodeTable, NODES, key, h);
    put(nodeTable, NODES, node, h);
  }
  return node;
}

/**
 * Stores blocks `from` to `to` of the run below `parent`, as far as they are new to the worker, or held in these tiers
 * already and in the same place. The number of blocks done; the next one needs a closer look. `rootCount`: the worker's.
 */
export function extend(
  table: usize,
  parent: u32,
  from: u32,
  to: u32,
  slotAndTier: u32,
  rootCount: u32,
): u32 {
  let above: u32 = parent ? load<u32>(recordAt(ENTRIES, parent), 8) : 0;
  // Nobody holds what is below a prefix that nobody holds.
  let isNew = false;
  let i = from;
  added = 0;
  addedRoots = 0;
  for (; i < to; i++) {
    const key = load<u64>(IDS + (i << 3));
    const h = mix(key);
    const known = look(table, ENTRIES, key, h);
    if (known) {
      const at = recordAt(ENTRIES, known);
      const node = load<u32>(at, 8);
      if (load<u64>(recordAt(NODES, node)) != load<u64>(SEQUENCES + (i << 3))) break;
      const meta = load<u32>(at, 20);
      if ((meta & slotAndTier & TIERS) == 0) break;
      store<u32>(at, meta | REFERENCED, 20);
      parent = known;
      above = node;
      isNew = false;
      continue;
    }
    const page = vainPage;
    const slot = vainSlot;
    let parentAt: usize = 0;
    let siblings = rootCount;
    if (parent) {
      parentAt = recordAt(ENTRIES, parent);
      siblings = load<u32>(parentAt, 20) & MOST_CHILDREN;
      // What does not fit those bits is counted elsewhere.
      if (siblings >= MOST_CHILDREN - 1) break;
    }
    let node = isNew ? 0 : childNode(above, load<u64>(SEQUENCES + (i << 3)));
    if (node == 0) {
      isNew = true;
      node = addNode(above, i << 3);
    } else if (siblings) {
      // The worker may hold it by another id.
      let each = load<u32>(recordAt(NODES, node), 16);
      while (each) {
        const at = recordAt(ENTRIES, each);
        if (load<u32>(at, 20) >> 16 == slotAndTier >> 16) break;
        each = load<u32>(at, 16);
      }
      if (each) break;
    }
    const nodeAt = recordAt(NODES, node);
    const entry = allocate(ENTRIES);
    const at = recordAt(ENTRIES, entry);
    store<u64>(at, key);
    store<u32>(at, node, 8);
    store<u32>(at, parent, 12);
    store<u32>(at, load<u32>(nodeAt, 16), 16);
    store<u32>(at, slotAndTier, 20);
    store<u32>(nodeAt, entry, 16);
    store<u32>(nodeAt, load<u32>(nodeAt, 20) + 1, 20);
    if (parent) store<u32>(parentAt, load<u32>(parentAt, 20) + 1, 20);
    else addedRoots += 1;
    vainPage = page;
    vainSlot = slot;
    put(table, ENTRIES, entry, h);
    added += 1;
    parent = entry;
    above = node;
  }
  last = parent;
  return i - from;
}

/** The entry of the last block that `extend` did. */
export function lastEntry(): u32 {
  return last;
}

/** Blocks that `extend` did and that were new. */
export function addedCount(): u32 {
  return added;
}

/** Of these, the ones without a parent. */
export function addedRootCount(): u32 {
  return addedRoots;
}
