// The WASM module of the index and its memory, one instance for each index: records and tables lie in it, and what is done for
// every block of an event runs there. The same in JavaScript took more than twice the time (docs/benchmarks/kv-events.md).
import { blockCoreWasm } from "./block-core-wasm.ts";

const pageBytes = 1 << 16;
/** All that a 32-bit module can have. */
const maxPages = 1 << 16;
/** Fixed places at the start: see wasm/block-core.ts. */
const initialPages = 3;

/** Blocks that `extend` can be given at once. */
export const maxRun = 4096;
/**
 * Records of each kind that fit: 26 bits count them, and a pair takes 70 bytes with its places in tables.
 */
export const maxRecords = Math.min(2 ** 26 - 1, Math.floor((maxPages * pageBytes) / 72));

interface Exports {
  start(random: number): number;
  nodesAt(): number;
  entriesAt(): number;
  runAt(): number;
  sizeBytes(): number;
  allocate(pool: number): number;
  createTable(pool: number): number;
  dropTable(table: number): void;
  find(table: number, low: number, high: number): number;
  insert(table: number, record: number): void;
  remove(table: number, record: number): void;
  seek(table: number, cursor: number): number;
  recordOf(table: number, cursor: number): number;
  extend(
    table: number,
    parent: number,
    from: number,
    to: number,
    slotAndTier: number,
    rootCount: number,
  ): number;
  lastEntry(): number;
  addedCount(): number;
  addedRootCount(): number;
}

// Part of Node and of browsers alike, hence global; `WebAssembly` lacks types without the DOM's library.
declare const WebAssembly: {
  Memory: new (options: {
    initial: number;
    maximum: number;
    shared: boolean;
  }) => { readonly buffer: SharedArrayBuffer };
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object, imports: object) => { readonly exports: unknown };
};

let compiled: object | null = null;

export class BlockCore {
  readonly exports: Exports;
  readonly nodeTable: number;
  /** [maxRun] of the run that `extend` reads: ids, local hashes, names of prefixes. */
  readonly ids: BigUint64Array;
  readonly locals: BigUint64Array;
  readonly sequences: BigUint64Array;
  readonly #memory: { readonly buffer: SharedArrayBuffer };

  /** `seed`: 32 bits that hashes of keys depend on, so that nobody can choose keys that meet. */
  constructor(seed = Math.floor(Math.random() * 2 ** 32)) {
    compiled ??= new WebAssembly.Module(Buffer.from(blockCoreWasm, "base64"));
    // Shared memory grows without taking its views away; no other thread sees it.
    const memory = new WebAssembly.Memory({
      initial: initialPages,
      maximum: maxPages,
      shared: true,
    });
    const { exports } = new WebAssembly.Instance(compiled, { env: { memory } });
    this.exports = exports as Exports;
    this.#memory = memory;
    this.nodeTable = this.exports.start(seed);
    const at = this.exports.runAt();
    this.ids = new BigUint64Array(memory.buffer, at, maxRun);
    this.locals = new BigUint64Array(memory.buffer, at + 8 * maxRun, maxRun);
    this.sequences = new BigUint64Array(memory.buffer, at + 16 * maxRun, maxRun);
  }

  /** Bytes that records and tables take; what is free again is given out again, and counts. */
  get sizeBytes(): number {
    return this.exports.sizeBytes() >>> 0;
  }

  words(at: number, count: number): Int32Array {
    return new Int32Array(this.#memory.buffer, at, count);
  }
}
