// Who holds which block: the memory of the index. Two kinds of flat records, found through hash tables. Records and tables
// lie in the memory of a WASM module (wasm/block-core.ts), which stores whole runs of blocks by itself (`extend`).
//
// Invariants: the entries of a worker are closed upwards (a block's parent has an entry); hence so are the nodes, and
// the set of holders only shrinks with depth. That is what makes a search by depth possible. An entry whose block is
// gone while blocks below it are not stays, with no tier: a gap. `lackingCount` of a worker counts entries that are not
// on the device, gaps among them: only then can its prefix be shorter than its path is long.
import { BlockCore } from "./block-core.ts";
import { entryWord, join, nodeWord, recordWords, slotShift } from "./block-records.ts";
import { BlockTable } from "./block-table.ts";
import { PrefixNodes } from "./prefix-nodes.ts";
import { chunkBits, chunkMask, RecordPool } from "./record-pool.ts";
import type { WorkerLife } from "./worker-life.ts";

export const deviceTier = 1;

const tierShift = 12;
const tierMask = 0xf << tierShift;
const referencedBit = 1 << 11;
const maxChildren = referencedBit - 1;
export const maxWorkerSlots = 1 << 16;

interface OverLife {
  readonly life: WorkerLife;
  /** Entries of its table that were not looked at yet. */
  readonly rest: Iterator<number>;
  /** The entry to take back next, or 0: the next one of `rest`. */
  at: number;
}

export class BlockForest {
  readonly core = new BlockCore();
  readonly prefixes = new PrefixNodes(this.core);
  readonly nodes = this.prefixes.records;
  readonly entries = new RecordPool(this.core, this.core.exports.entriesAt());
  readonly #lives: (WorkerLife | null)[] = [];
  readonly #freeSlots: number[] = [];
  readonly #over: OverLife[] = [];
  /** Child counts that do not fit their bits. */
  readonly #manyChildren = new Map<number, number>();
  #blockCount = 0;
  #hand = 1;

  get sizeBytes(): number {
    return this.core.sizeBytes;
  }

  /** Blocks of all workers, each counted for each that holds it. */
  get blockCount(): number {
    return this.#blockCount;
  }

  get slotEnd(): number {
    return this.#lives.length;
  }

  /** `null`: nobody has the slot. */
  life(slot: number): WorkerLife | null {
    return this.#lives[slot]!;
  }

  begin(workerId: bigint, dpRank: number): WorkerLife | null {
    if (this.#freeSlots.length === 0 && this.#lives.length >= maxWorkerSlots) this.reclaim();
    const slot = this.#freeSlots.pop() ?? this.#lives.length;
    if (slot >= maxWorkerSlots) return null;
    const life: WorkerLife = {
      slot,
      workerId,
      dpRank,
      table: new BlockTable(
        this.core,
        this.core.exports.createTable(this.core.exports.entriesAt()),
      ),
      aliases: null,
      blockCount: 0,
      lackingCount: 0,
      rootCount: 0,
      isOver: false,
    };
    this.#lives[slot] = life;
    return life;
  }

  /** Nobody finds the worker's blocks from here on. */
  end(life: WorkerLife): void {
    if (life.isOver) return;
    life.isOver = true;
    this.#blockCount -= life.blockCount;
    this.#over.push({ life, rest: life.table[Symbol.iterator](), at: 0 });
  }

  /**
   * Takes back entries of lives that are over, in up to so many steps. From the ends of paths upwards: what is left must
   * stay closed, or the search would count holders who are no longer above.
   */
  reclaim(maxSteps = Number.POSITIVE_INFINITY): void {
    for (let left = maxSteps; left > 0 && this.#over.length > 0; left--) {
      const over = this.#over.at(-1)!;
      const { life } = over;
      if (over.at !== 0) {
        over.at = this.#takeBack(over.at);
        continue;
      }
      const { value: entry, done } = over.rest.next();
      if (done) {
        this.#over.pop();
        life.table.drop();
        this.#lives[life.slot] = null;
        this.#freeSlots.push(life.slot);
      } else if (this.#isOf(life, entry) && this.childCount(entry) === 0) {
        over.at = entry;
      }
    }
  }

  /** Its parent if that has no other children, else 0. */
  #takeBack(entry: number): number {
    const parent = this.entries.get(entry, entryWord.parent);
    this.prefixes.leave(this.entries, entry);
    this.#releaseEntry(entry);
    if (parent === 0) return 0;
    this.#addChildren(parent, -1);
    return this.childCount(parent) === 0 ? parent : 0;
  }

  /** False when the record was taken back already, and when it is somebody else's by now. */
  #isOf(life: WorkerLife, entry: number): boolean {
    const { entries } = this;
    const slot = entries.get(entry, entryWord.meta) >>> slotShift;
    return entries.get(entry, entryWord.node) !== 0 && slot === life.slot;
  }

  findEntry(life: WorkerLife, low: number, high: number): number {
    const entry = life.table.find(low, high);
    return entry !== 0 || life.aliases === null ? entry : life.aliases.find(join(low, high));
  }

  lifeOf(entry: number): WorkerLife {
    return this.#lives[this.entries.get(entry, entryWord.meta) >>> slotShift]!;
  }

  tiers(entry: number): number {
    return (this.entries.get(entry, entryWord.meta) & tierMask) >>> tierShift;
  }

  childCount(entry: number): number {
    const count = this.entries.get(entry, entryWord.meta) & maxChildren;
    return count === maxChildren ? this.#manyChildren.get(entry)! : count;
  }

  /** Keeps the entry from being evicted in the next round. */
  reference(entry: number): void {
    const { entries } = this;
    entries.set(entry, entryWord.meta, entries.get(entry, entryWord.meta) | referencedBit);
  }

  /** The worker's entry at a node, or 0. `parent`: of that entry. */
  entryAt(life: WorkerLife, node: number, parent: number): number {
    // It would be a child of this parent: without children there is none, and no list to walk.
    if ((parent === 0 ? life.rootCount : this.childCount(parent)) === 0) return 0;
    const { entries } = this;
    let entry = this.nodes.get(node, nodeWord.firstEntry);
    while (entry !== 0 && entries.get(entry, entryWord.meta) >>> slotShift !== life.slot) {
      entry = entries.get(entry, entryWord.next);
    }
    return entry;
  }

  /**
   * Blocks `from` to `to` of the run in the core's memory below `parent`, as far as they are new to the worker or held
   * already in this tier and place. The number done; `lastEntry` is the last one's.
   */
  extend(life: WorkerLife, parent: number, from: number, to: number, tier: number): number {
    const { exports } = this.core;
    const slotAndTier = (life.slot << slotShift) | (tier << tierShift);
    const { at } = life.table;
    const done = exports.extend(at, parent, from, to, slotAndTier, life.rootCount);
    const addedCount = exports.addedCount();
    if (addedCount === 0) return done;
    this.nodes.follow();
    this.entries.follow();
    life.blockCount += addedCount;
    this.#blockCount += addedCount;
    if ((tier & deviceTier) === 0) life.lackingCount += addedCount;
    life.rootCount += exports.addedRootCount();
    return done;
  }

  /** Blocks that the last `extend` did and that were new. */
  get addedCount(): number {
    return this.core.exports.addedCount();
  }

  /** The entry of the last block that `extend` did. */
  get lastEntry(): number {
    return this.core.exports.lastEntry();
  }

  addEntry(
    life: WorkerLife,
    idLow: number,
    idHigh: number,
    node: number,
    parent: number,
    tiers: number,
  ): number {
    const { nodes, entries } = this;
    const entry = entries.allocate();
    const words = entries.chunks[entry >>> chunkBits]!;
    const at = (entry & chunkMask) * recordWords;
    const nodeWords = nodes.chunks[node >>> chunkBits]!;
    const nodeAt = (node & chunkMask) * recordWords;
    words[at] = idLow;
    words[at + 1] = idHigh;
    words[at + entryWord.node] = node;
    words[at + entryWord.parent] = parent;
    words[at + entryWord.next] = nodeWords[nodeAt + nodeWord.firstEntry]!;
    words[at + entryWord.meta] = (life.slot << slotShift) | (tiers << tierShift);
    nodeWords[nodeAt + nodeWord.firstEntry] = entry;
    nodeWords[nodeAt + nodeWord.meta]! += 1;
    if (parent === 0) life.rootCount += 1;
    else this.#addChildren(parent, 1);
    life.table.insert(entry);
    life.blockCount += 1;
    this.#blockCount += 1;
    if ((tiers & deviceTier) === 0) life.lackingCount += 1;
    return entry;
  }

  /** Without a tier the entry stays as a gap while it has children, and leaves with every gap above it otherwise. */
  setTiers(life: WorkerLife, entry: number, tiers: number): void {
    const { entries } = this;
    const meta = entries.get(entry, entryWord.meta);
    const before = (meta & tierMask) >>> tierShift;
    entries.set(entry, entryWord.meta, (meta & ~tierMask) | (tiers << tierShift));
    const lacked = (before & deviceTier) === 0 ? 1 : 0;
    const lacks = (tiers & deviceTier) === 0 ? 1 : 0;
    life.lackingCount += lacks - lacked;
    const difference = (tiers === 0 ? 0 : 1) - (before === 0 ? 0 : 1);
    life.blockCount += difference;
    this.#blockCount += difference;
    if (tiers === 0) this.#prune(life, entry);
  }

  /** Gives the entry another id. */
  rename(life: WorkerLife, entry: number, idLow: number, idHigh: number): void {
    life.table.delete(entry);
    this.entries.set(entry, 0, idLow);
    this.entries.set(entry, 1, idHigh);
    life.table.insert(entry);
  }

  /**
   * Evicts up to `count` blocks, from the ends of paths upwards; a path that was asked for since the hand last came by
   * is passed over once. `kept` is spared.
   */
  evict(count: number, kept: number): number {
    const { entries } = this;
    let evicted = 0;
    // Twice around: the first time clears marks.
    for (let steps = 2 * entries.end; steps > 0 && evicted < count; steps--) {
      if (++this.#hand >= entries.end) this.#hand = 1;
      let entry = this.#hand;
      if (entries.get(entry, entryWord.node) === 0 || this.lifeOf(entry).isOver) continue;
      const life = this.lifeOf(entry);
      while (entry !== 0 && entry !== kept && evicted < count && this.childCount(entry) === 0) {
        const meta = entries.get(entry, entryWord.meta);
        if ((meta & referencedBit) !== 0) {
          entries.set(entry, entryWord.meta, meta & ~referencedBit);
          break;
        }
        const parent = entries.get(entry, entryWord.parent);
        life.aliases?.forget(entry);
        this.setTiers(life, entry, 0);
        evicted += 1;
        // A gap above has left with it; who knows how far that went.
        if (parent !== 0 && entries.get(parent, entryWord.node) === 0) break;
        entry = parent;
      }
    }
    return evicted;
  }

  /** Frees gaps without children, from this one up. */
  #prune(life: WorkerLife, entry: number): void {
    const { entries } = this;
    while (entry !== 0 && this.tiers(entry) === 0 && this.childCount(entry) === 0) {
      const parent = entries.get(entry, entryWord.parent);
      life.lackingCount -= 1;
      life.table.delete(entry);
      this.prefixes.leave(this.entries, entry);
      this.#releaseEntry(entry);
      if (parent === 0) life.rootCount -= 1;
      else this.#addChildren(parent, -1);
      entry = parent;
    }
  }

  #releaseEntry(entry: number): void {
    this.entries.set(entry, entryWord.node, 0);
    this.entries.release(entry);
  }

  #addChildren(entry: number, change: 1 | -1): void {
    const { entries } = this;
    const meta = entries.get(entry, entryWord.meta);
    const count = meta & maxChildren;
    if (count < maxChildren - 1 || (count === maxChildren - 1 && change < 0)) {
      entries.set(entry, entryWord.meta, meta + change);
      return;
    }
    const all = (this.#manyChildren.get(entry) ?? count) + change;
    if (all >= maxChildren) {
      this.#manyChildren.set(entry, all);
      entries.set(entry, entryWord.meta, meta | maxChildren);
    } else {
      this.#manyChildren.delete(entry);
      entries.set(entry, entryWord.meta, (meta & ~maxChildren) | all);
    }
  }
}
