// Finds records by the 64-bit key in their first two words. How it does so: wasm/block-core.ts.
import type { BlockCore } from "./block-core.ts";

const end = 0xffff_ffff;

export class BlockTable {
  readonly #core: BlockCore;
  /** Address in the core's memory. */
  readonly at: number;

  constructor(core: BlockCore, at: number) {
    this.#core = core;
    this.at = at;
  }

  /** The record with that key, or 0. */
  find(low: number, high: number): number {
    return this.#core.exports.find(this.at, low, high);
  }

  /** The key stands in the record already and in no other one of this table. */
  insert(record: number): void {
    this.#core.exports.insert(this.at, record);
  }

  /** Takes out this very record. */
  delete(record: number): void {
    this.#core.exports.remove(this.at, record);
  }

  /** Gives its memory back; nobody may use it any more. */
  drop(): void {
    this.#core.exports.dropTable(this.at);
  }

  /** Every record, in no order. The table must not change meanwhile. */
  *[Symbol.iterator](): Generator<number> {
    const { exports } = this.#core;
    for (let from = 0; ; from++) {
      from = exports.seek(this.at, from) >>> 0;
      if (from === end) return;
      yield exports.recordOf(this.at, from);
    }
  }
}
