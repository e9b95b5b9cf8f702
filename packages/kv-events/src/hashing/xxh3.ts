// The WASM module and its memory. One instance has one workspace: calls are synchronous and leave nothing behind.
import { xxh3Wasm } from "./xxh3-wasm.ts";

interface Exports {
  heapBase(): number;
  hash(at: number, bytes: number, seed: bigint): bigint;
  hashBlocks(
    at: number,
    count: number,
    stride: number,
    bytes: number,
    seed: bigint,
    out: number,
  ): void;
  chain(
    blocks: number,
    count: number,
    previous: bigint,
    isRoot: number,
    seed: bigint,
    out: number,
  ): void;
}

/** Bytes of input that one pass takes; with the outputs it fits a core's own cache. */
const inputBytes = 1 << 17;
/** Hashes that one pass yields. */
export const passHashes = inputBytes / 4;
const pageBytes = 1 << 16;

// `WebAssembly` lacks types without the DOM's library.
declare const WebAssembly: {
  Memory: new (options: { initial: number }) => { readonly buffer: ArrayBuffer };
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object, imports: object) => { readonly exports: unknown };
};

let compiled: object | null = null;

export class Xxh3 {
  readonly #exports: Exports;
  readonly #inputAt: number;
  readonly #outputAt: number;
  readonly #chainAt: number;
  /** [inputBytes] */
  readonly input: Uint8Array;
  /** The same memory. */
  readonly inputWords: Uint32Array;
  /** [passHashes] what `hashBlocks` wrote, and what `chain` reads. */
  readonly hashes: BigUint64Array;
  /** [passHashes] what `chain` wrote. */
  readonly chained: BigUint64Array;

  constructor() {
    compiled ??= new WebAssembly.Module(Buffer.from(xxh3Wasm, "base64"));
    const fixedBytes = pageBytes;
    const memory = new WebAssembly.Memory({
      initial: Math.ceil((fixedBytes + inputBytes + 16 * passHashes) / pageBytes),
    });
    const instance = new WebAssembly.Instance(compiled, { env: { memory } });
    this.#exports = instance.exports as Exports;
    this.#inputAt = Math.ceil(this.#exports.heapBase() / 64) * 64;
    this.#outputAt = this.#inputAt + inputBytes;
    this.#chainAt = this.#outputAt + 8 * passHashes;
    this.input = new Uint8Array(memory.buffer, this.#inputAt, inputBytes);
    this.inputWords = new Uint32Array(memory.buffer, this.#inputAt, inputBytes / 4);
    this.hashes = new BigUint64Array(memory.buffer, this.#outputAt, passHashes);
    this.chained = new BigUint64Array(memory.buffer, this.#chainAt, passHashes);
  }

  /** Of the first `bytes` bytes of `input`. */
  hash(bytes: number, seed: bigint): bigint {
    return BigInt.asUintN(64, this.#exports.hash(this.#inputAt, bytes, seed));
  }

  /** `hashes[i]` = hash of `bytes` bytes of `input` from `i * stride` on. */
  hashBlocks(count: number, stride: number, bytes: number, seed: bigint): void {
    this.#exports.hashBlocks(this.#inputAt, count, stride, bytes, seed, this.#outputAt);
  }

  /** `chained[i]` = name of the prefix that ends with `hashes[i]`; `previous`: the name before, `null` at a root. */
  chain(count: number, previous: bigint | null, seed: bigint): void {
    const isRoot = previous === null ? 1 : 0;
    this.#exports.chain(this.#outputAt, count, previous ?? 0n, isRoot, seed, this.#chainAt);
  }
}
