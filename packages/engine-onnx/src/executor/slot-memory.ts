// Keys and values of running sequences side by side: one slot per sequence id, in each layer [slots, kvHeads, capacity, headDim].
// A copy of what lies in the sequence's pages, which stay the truth. Slots are address space: they cost memory
// as they are written, and none again once they are released.
import type { ModelConfig } from "@dyn/model-files";
import { InternalError } from "@dyn/protocol";
import { memoryPageBytes, ReservedMemory } from "../runtime/reserved-memory.ts";
import type { KvPages } from "./kv-pages.ts";
import type { RowSlice } from "./row-slice.ts";

export class SlotMemory {
  readonly slotCount: number;
  /** Tokens that a slot can hold: more than the context, so that a row may always write one more. */
  readonly capacity: number;
  readonly #headDim: number;
  readonly #kvHeadCount: number;
  readonly #poolCount: number;
  /** Of one slot in one pool. */
  readonly #slotBytes: number;
  readonly #memory: ReservedMemory;
  /** By slot, then by pool: [kvHeads, capacity, headDim]. Made on first use. */
  readonly #views = new Map<number, Float32Array[]>();
  /** Tokens in each slot. */
  readonly #lengths: Int32Array;

  constructor(config: ModelConfig, slotCount: number, contextLength: number) {
    const tokensPerMemoryPage = memoryPageBytes / Float32Array.BYTES_PER_ELEMENT;
    this.slotCount = slotCount;
    this.capacity = Math.ceil((contextLength + 1) / tokensPerMemoryPage) * tokensPerMemoryPage;
    this.#headDim = config.headDim;
    this.#kvHeadCount = config.kvHeadCount;
    this.#poolCount = 2 * config.layerCount;
    this.#slotBytes =
      Float32Array.BYTES_PER_ELEMENT * config.kvHeadCount * this.capacity * config.headDim;
    this.#memory = new ReservedMemory(this.#poolCount * slotCount * this.#slotBytes);
    this.#lengths = new Int32Array(slotCount);
  }

  lengthOf(slot: number): number {
    return this.#lengths[slot]!;
  }

  /** Slots first .. first + count - 1 of a pool, as a tensor [count, kvHeads, capacity, headDim]. */
  range(pool: number, first: number, count: number): { address: bigint; byteLength: number } {
    return {
      address: this.#memory.addressOf((pool * this.slotCount + first) * this.#slotBytes),
      byteLength: count * this.#slotBytes,
    };
  }

  /** Brings the past of a slice into its slot, as far as it is not there. */
  load(
    slot: number,
    { row, tokenStart, pastLength }: RowSlice,
    pages: KvPages<"float32">,
    pageTable: Int32Array,
    pagesPerRow: number,
  ): void {
    if (!(slot >= 0 && slot < this.slotCount)) {
      throw new InternalError(`sequence id ${slot} is not below ${this.slotCount}`);
    }
    const start = Math.min(this.#lengths[slot]!, pastLength);
    this.#lengths[slot] = pastLength;
    if (start === pastLength) return;
    const missing = { row, tokenStart, length: pastLength - start, pastLength: start };
    this.#copy(slot, missing, pages, pageTable, pagesPerRow, (stored, at, held, from, count) =>
      held.set(stored.subarray(at, at + count), from),
    );
  }

  /** Takes the new tokens of a slice, which a run wrote into the slot, over into its pages. */
  store(
    slot: number,
    slice: RowSlice,
    pages: KvPages<"float32">,
    pageTable: Int32Array,
    pagesPerRow: number,
  ): void {
    this.#copy(slot, slice, pages, pageTable, pagesPerRow, (stored, at, held, from, count) =>
      stored.set(held.subarray(from, from + count), at),
    );
    this.#lengths[slot] = slice.pastLength + slice.length;
  }

  release(slot: number): void {
    if (this.#lengths[slot] === 0) return;
    this.#lengths[slot] = 0;
    for (let pool = 0; pool < this.#poolCount; pool++) {
      this.#memory.discard((pool * this.slotCount + slot) * this.#slotBytes, this.#slotBytes);
    }
  }

  close(): void {
    this.#views.clear();
    this.#memory.release();
  }

  #copy(
    slot: number,
    slice: RowSlice,
    pages: KvPages<"float32">,
    pageTable: Int32Array,
    pagesPerRow: number,
    move: (
      stored: Float32Array,
      at: number,
      held: Float32Array,
      from: number,
      count: number,
    ) => void,
  ): void {
    const runs = pages.pageRuns([slice], pageTable, pagesPerRow);
    const views = this.#viewsOf(slot);
    const headDim = this.#headDim;
    for (const [pool, { data }] of pages.pools.entries()) {
      const held = views[pool]!;
      for (let head = 0; head < this.#kvHeadCount; head++) {
        for (const run of runs) {
          const from = (head * this.capacity + slice.pastLength + run.token) * headDim;
          const at = (head * pages.tokenCount + run.slot) * headDim;
          move(data, at, held, from, run.length * headDim);
        }
      }
    }
  }

  #viewsOf(slot: number): Float32Array[] {
    let views = this.#views.get(slot);
    if (views === undefined) {
      views = Array.from({ length: this.#poolCount }, (_, pool) =>
        this.#memory.view((pool * this.slotCount + slot) * this.#slotBytes, this.#slotBytes),
      );
      this.#views.set(slot, views);
    }
    return views;
  }
}
