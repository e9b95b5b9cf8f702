// The prefixes of an index by their names, whoever holds them: nodes, and the table that finds them. Part of BlockForest, whose
// entries hang on them.
//
// Prefixes come in runs, whose nodes get neighbouring numbers. So the table has one node of eight, that at every eighth
// depth; the next seven are found as the neighbour of the one above, and are in the table (listed) only where they are not
// its neighbour. That spares most of the time and the memory that the table would take.
import type { BlockCore } from "./block-core.ts";
import { entryWord, listedDepths, nodeWord, recordWords } from "./block-records.ts";
import { BlockTable } from "./block-table.ts";
import { chunkBits, chunkMask, RecordPool } from "./record-pool.ts";

const countMask = (1 << 24) - 1;
const depthShift = 24;
const listedBit = 1 << 27;

export class PrefixNodes {
  readonly records: RecordPool;
  readonly #table: BlockTable;

  constructor(core: BlockCore) {
    this.records = new RecordPool(core, core.exports.nodesAt());
    this.#table = new BlockTable(core, core.nodeTable);
  }

  /** The node with that name below `parent`, which is 0 for roots; or 0. */
  child(parent: number, low: number, high: number): number {
    if (parent !== 0 && parent + 1 < this.records.end) {
      const { chunks } = this.records;
      const at = ((parent + 1) & chunkMask) * recordWords;
      const words = chunks[(parent + 1) >>> chunkBits]!;
      if (words[at] === low && words[at + 1] === high && words[at + nodeWord.firstEntry] !== 0) {
        return parent + 1;
      }
    }
    return this.#table.find(low, high);
  }

  /** The node of the first `depth + 1` blocks of a prompt, or 0. `sequences`: [2 x blocks] their names. */
  at(sequences: Int32Array, depth: number): number {
    let at = depth & ~(listedDepths - 1);
    let node = this.#table.find(sequences[2 * at]!, sequences[2 * at + 1]!);
    while (node !== 0 && at < depth) {
      at += 1;
      node = this.child(node, sequences[2 * at]!, sequences[2 * at + 1]!);
    }
    return node;
  }

  /** Entries of the node. */
  entryCount(node: number): number {
    return this.records.get(node, nodeWord.meta) & countMask;
  }

  /** Below `parent`, which is 0 for roots. */
  add(parent: number, sLow: number, sHigh: number, lLow: number, lHigh: number): number {
    const { records: nodes } = this;
    const node = nodes.allocate();
    const above = parent === 0 ? -1 : nodes.get(parent, nodeWord.meta) >>> depthShift;
    const depth = (above + 1) & (listedDepths - 1);
    const isListed = depth === 0 || node !== parent + 1;
    const words = nodes.chunks[node >>> chunkBits]!;
    const at = (node & chunkMask) * recordWords;
    words[at] = sLow;
    words[at + 1] = sHigh;
    words[at + 2] = lLow;
    words[at + 3] = lHigh;
    words[at + nodeWord.firstEntry] = 0;
    words[at + nodeWord.meta] = (depth << depthShift) | (isListed ? listedBit : 0);
    if (isListed) this.#table.insert(node);
    return node;
  }

  /** The entry goes out of its node's list; the last one to leave frees the node. */
  leave(entries: RecordPool, entry: number): void {
    const { records: nodes } = this;
    const node = entries.get(entry, entryWord.node);
    const meta = nodes.get(node, nodeWord.meta) - 1;
    if ((meta & countMask) === 0) {
      if ((meta & listedBit) !== 0) this.#table.delete(node);
      // Says that it is free to whoever looks at it as a neighbour.
      nodes.set(node, nodeWord.firstEntry, 0);
      nodes.release(node);
      return;
    }
    nodes.set(node, nodeWord.meta, meta);
    const next = entries.get(entry, entryWord.next);
    let at = nodes.get(node, nodeWord.firstEntry);
    if (at === entry) {
      nodes.set(node, nodeWord.firstEntry, next);
      return;
    }
    for (;;) {
      const after = entries.get(at, entryWord.next);
      if (after === entry) break;
      at = after;
    }
    entries.set(at, entryWord.next, next);
  }
}
