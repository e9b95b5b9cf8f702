// The memory of the index's module: where what lies, and its records. [0, 64) is left free: 0 says "none".
export const SIZES: usize = 64; // [8] u32 bytes of a part's full page
export const FREE: usize = 128; // [8 x 7] first free page of that part and level
export const FREE_DIRECTORIES: usize = 384; // [24] by the logarithm of entries
/** Pools: used, first free, free count, chunk count, then addresses of chunks. */
export const NODES: usize = 4096;
export const ENTRIES: usize = NODES + 32768;
/** What `extend` reads: [RUN] u64 each. */
export const IDS: usize = ENTRIES + 32768;
const RUN: usize = 4096;
export const LOCALS: usize = IDS + 8 * RUN;
export const SEQUENCES: usize = LOCALS + 8 * RUN;
const HEAP: usize = SEQUENCES + 8 * RUN;

const CHUNK_BITS: u32 = 14;
const CHUNK_MASK: u32 = (1 << CHUNK_BITS) - 1;
const STRIDE: usize = 24;
const GROW_PAGES: i32 = 32;

let top: usize = HEAP;

export function startMemory(): void {
  store<u32>(NODES, 1);
  store<u32>(ENTRIES, 1);
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
export function take(bytes: usize): usize {
  const at = top;
  const end = <u64>at + <u64>bytes;
  if (end > (<u64>memory.size()) << 16) {
    const needed = <i32>((end - ((<u64>memory.size()) << 16) + 65535) >> 16);
    if (memory.grow(max(needed, GROW_PAGES)) < 0 && memory.grow(needed) < 0) unreachable();
  }
  top = <usize>end;
  return at;
}

@inline
export function recordAt(pool: usize, record: u32): usize {
  return <usize>load<u32>(pool + ((record >> CHUNK_BITS) << 2), 16) + STRIDE * (record & CHUNK_MASK);
}

/** A record whose words hold what they held before. */
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
