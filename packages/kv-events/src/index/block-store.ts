// The blocks of workers by the ids that their engines give them: an id may come again, name another block, or be one of
// several of a block. What stands where is the forest's; what the events were is the index's.
import { toSignedWords } from "../codec/block-ids.ts";
import { hashSeed } from "../hashing/hash-seed.ts";
import type { Xxh3 } from "../hashing/xxh3.ts";
import { BlockAliases } from "./block-aliases.ts";
import type { BlockForest } from "./block-forest.ts";
import { entryWord, join } from "./block-records.ts";
import type { KvIndexCounters } from "./kv-index-counters.ts";
import type { WorkerLife } from "./worker-life.ts";

const evictedAtOnce = 1024;

export class BlockStore {
  readonly #forest: BlockForest;
  readonly #xxh3: Xxh3;
  readonly #chained: Int32Array;
  readonly #maxRecords: number;
  readonly #counters: KvIndexCounters;
  readonly #onEvicted: (blockCount: number) => void;
  /** How many blocks were held already when they came. */
  repeatedBlocks = 0;

  constructor(options: {
    readonly forest: BlockForest;
    readonly xxh3: Xxh3;
    readonly counters: KvIndexCounters;
    /** Where old blocks make room for new ones. */
    readonly maxRecords: number;
    readonly onEvicted: (blockCount: number) => void;
  }) {
    this.#forest = options.forest;
    this.#xxh3 = options.xxh3;
    this.#chained = toSignedWords(options.xxh3.chained);
    this.#counters = options.counters;
    this.#maxRecords = options.maxRecords;
    this.#onEvicted = options.onEvicted;
  }

  /** The worker's entry of the block, or 0. */
  entryOf(life: WorkerLife, id: bigint): number {
    return this.#forest.findEntry(
      life,
      Number(BigInt.asIntN(32, id)),
      Number(BigInt.asIntN(32, id >> 32n)),
    );
  }

  /** Stores up to `maxRun` blocks below `parent`; the entry of the last one. */
  add(
    life: WorkerLife,
    parent: number,
    blockHashes: BigUint64Array,
    tokensHashes: BigUint64Array,
    tier: number,
  ): number {
    const forest = this.#forest;
    const { nodes, entries } = forest;
    const xxh3 = this.#xxh3;
    const count = blockHashes.length;
    xxh3.hashes.set(tokensHashes);
    xxh3.chain(count, this.#sequenceOf(parent), hashSeed);
    forest.core.ids.set(blockHashes);
    forest.core.locals.set(tokensHashes);
    forest.core.sequences.set(xxh3.chained.subarray(0, count));
    const chained = this.#chained;
    const ids = toSignedWords(blockHashes);
    const locals = toSignedWords(tokensHashes);
    let above = parent === 0 ? 0 : entries.get(parent, entryWord.node);
    for (let i = 0; i < ids.length; i += 2) {
      // All at once as far as there is nothing to think about; then one block by hand.
      const room = this.#maxRecords - entries.recordCount;
      if (life.aliases === null && room > 0) {
        const from = i / 2;
        const done = forest.extend(life, parent, from, Math.min(count, from + room), tier);
        if (done > 0) {
          this.repeatedBlocks += done - forest.addedCount;
          parent = forest.lastEntry;
          above = entries.get(parent, entryWord.node);
          i += 2 * done;
          if (i === ids.length) break;
        }
      }
      const idLow = ids[i]!;
      const idHigh = ids[i + 1]!;
      const known = forest.findEntry(life, idLow, idHigh);
      if (known !== 0) {
        const node = entries.get(known, entryWord.node);
        if (nodes.get(node, 0) === chained[i] && nodes.get(node, 1) === chained[i + 1]) {
          const tiers = forest.tiers(known);
          if ((tiers & tier) !== 0) this.repeatedBlocks += 1;
          forest.setTiers(life, known, tiers | tier);
          forest.reference(known);
          parent = known;
          above = node;
          continue;
        }
        this.#releaseId(life, known, idLow, idHigh);
      }
      if (entries.recordCount >= this.#maxRecords) this.#makeRoom(parent);
      let node = forest.prefixes.child(above, chained[i]!, chained[i + 1]!);
      const twin = node === 0 ? 0 : forest.entryAt(life, node, parent);
      if (twin !== 0) {
        const id = join(idLow, idHigh);
        // A gap has lost the name it had.
        if (forest.tiers(twin) === 0) this.#rename(life, twin, id);
        else {
          life.aliases ??= new BlockAliases();
          life.aliases.add(id, twin);
        }
        forest.setTiers(life, twin, forest.tiers(twin) | tier);
        parent = twin;
        above = node;
        continue;
      }
      if (node === 0) {
        const sLow = chained[i]!;
        const sHigh = chained[i + 1]!;
        node = forest.prefixes.add(above, sLow, sHigh, locals[i]!, locals[i + 1]!);
      }
      parent = forest.addEntry(life, idLow, idHigh, node, parent, tier);
      above = node;
    }
    return parent;
  }

  /** Takes the block out of the tier; `false`: it was not there. */
  remove(life: WorkerLife, idLow: number, idHigh: number, tier: number): boolean {
    const forest = this.#forest;
    const entry = forest.findEntry(life, idLow, idHigh);
    if (entry === 0 || (forest.tiers(entry) & tier) === 0) return false;
    const { aliases } = life;
    if (aliases !== null) {
      // Another id still names the block: it stays.
      if (life.table.find(idLow, idHigh) === 0) {
        aliases.delete(join(idLow, idHigh));
        return true;
      }
      const other = aliases.take(entry);
      if (other !== null) {
        this.#rename(life, entry, other);
        return true;
      }
    }
    forest.setTiers(life, entry, forest.tiers(entry) & ~tier);
    return true;
  }

  /** The engine gave the id to another block: the old one is gone, though blocks below it may be left. */
  #releaseId(life: WorkerLife, entry: number, idLow: number, idHigh: number): void {
    const forest = this.#forest;
    this.#counters.reusedIds += 1;
    if (life.table.find(idLow, idHigh) === 0) {
      life.aliases?.delete(join(idLow, idHigh));
      return;
    }
    if (forest.childCount(entry) > 0) {
      // As a gap it needs a name that no engine uses; its own prefix has one.
      const node = forest.entries.get(entry, entryWord.node);
      const name = join(forest.nodes.get(node, 0), forest.nodes.get(node, 1));
      const isTaken = this.entryOf(life, name) !== 0;
      this.#rename(life, entry, isTaken ? name ^ 1n : name);
    }
    life.aliases?.forget(entry);
    forest.setTiers(life, entry, 0);
  }

  #rename(life: WorkerLife, entry: number, id: bigint): void {
    this.#forest.rename(
      life,
      entry,
      Number(BigInt.asIntN(32, id)),
      Number(BigInt.asIntN(32, id >> 32n)),
    );
  }

  /** Name of the prefix that ends with the entry; `null` above the roots. */
  #sequenceOf(entry: number): bigint | null {
    if (entry === 0) return null;
    const { nodes, entries } = this.#forest;
    const node = entries.get(entry, entryWord.node);
    return join(nodes.get(node, 0), nodes.get(node, 1));
  }

  #makeRoom(kept: number): void {
    const forest = this.#forest;
    forest.reclaim(4 * evictedAtOnce);
    if (forest.entries.recordCount < this.#maxRecords) return;
    const evicted = forest.evict(
      Math.max(1, Math.min(evictedAtOnce, Math.floor(this.#maxRecords / 16))),
      kept,
    );
    this.#counters.evictedBlocks += evicted;
    if (evicted > 0) this.#onEvicted(evicted);
  }
}
