// The memory of the prefix index and what is done for every block of an event: records, tables that find them by a 64-bit
// key, and runs of blocks below a parent. In AssemblyScript, for JavaScript has no 64-bit keys and looks at every array's bounds.
// `pnpm --filter @dyn/kv-events run wasm` compiles it into src/index/block-core-wasm.ts; a test keeps the two equal.
// Records are those of src/index/block-forest.ts, which reads and writes the same memory.
import { ENTRIES, IDS, LOCALS, NODES, SEQUENCES, allocate, recordAt, startMemory } from "./block-memory";
import { createTable, look, mix, put, startTables, touch, vainPage, vainSlot } from "./block-table";

export { allocate, entriesAt, nodesAt, runAt, sizeBytes } from "./block-memory";
export { createTable, dropTable, find, insert, recordOf, remove, seek } from "./block-table";

/** Blocks whose places in the table are read ahead. */
const TOUCHED: u32 = 32;
const LISTED: u32 = 1 << 27;
const MOST_CHILDREN: u32 = 2047;
const REFERENCED: u32 = 2048;
const TIERS: u32 = 0xf000;

let nodeTable: usize = 0;
/** Of the last `extend`. */
let last: u32 = 0;
let added: u32 = 0;
let addedRoots: u32 = 0;
/** Takes what `touch` read, so that it is read. */
let touched: u32 = 0;

/** The address of the table of nodes. `random`: so that nobody can choose keys that meet. */
export function start(random: u32): usize {
  startMemory();
  startTables(random);
  nodeTable = createTable(NODES);
  return nodeTable;
}

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
    put(nodeTable, NODES, node, h, vainPage, vainSlot);
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
  let near = from;
  for (; i < to; i++) {
    if (i == near) {
      // Loads that do not depend on each other wait for memory together.
      near = min(i + TOUCHED, to);
      let sum: u32 = 0;
      for (let j = i; j < near; j++) sum += touch(table, mix(load<u64>(IDS + (j << 3))));
      touched = sum;
    }
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
    put(table, ENTRIES, entry, h, page, slot);
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
