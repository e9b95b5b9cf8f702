// Runs the machine code that moves KV between pages and runs of tokens. It checks nothing, so every place that it goes to
// is checked here.
import { InternalError } from "@dyn/protocol";
import koffi from "koffi";
import type { KvPages, KvShape, PageRun } from "../executor/kv-pages.ts";
import { addressOf } from "./address-of.ts";
import { placeCode } from "./executable-memory.ts";
import {
  type KvMove,
  kvMovePrototype,
  moveFieldCount,
  moveFields,
  pieceFieldCount,
  writeKvMove,
} from "./kv-move-code.ts";

type MoveCode = (job: BigInt64Array, run: Uint8Array) => number;

const wordBytes = BigInt64Array.BYTES_PER_ELEMENT;

export class KvMover {
  readonly #pages: KvPages;
  readonly #rowBytes: number;
  readonly #rowCount: number;
  readonly #job = new BigInt64Array(moveFieldCount);
  /** The job holds the addresses of these two. */
  readonly #pools: BigInt64Array;
  #pieces = new BigInt64Array(0);

  constructor(pages: KvPages, shape: KvShape) {
    const { kvHeadCount, headDim } = shape;
    this.#pages = pages;
    this.#rowBytes = headDim * pages.elementBytes;
    this.#rowCount = pages.pools.length * kvHeadCount;
    const headBytes = pages.tokenCount * this.#rowBytes;
    for (const { name, data } of pages.pools) {
      if (data.byteLength >= kvHeadCount * headBytes) continue;
      throw new InternalError(`${name} has ${data.byteLength} bytes, less than its heads take.`);
    }
    this.#pools = BigInt64Array.from(pages.pools, ({ data }) => addressOf(data));
    const pools = addressOf(this.#pools);
    this.#job[moveFields.pools] = pools;
    this.#job[moveFields.poolsEnd] = pools + BigInt(this.#pools.byteLength);
    this.#job[moveFields.headCount] = BigInt(kvHeadCount);
    this.#job[moveFields.headStride] = BigInt(headBytes);
  }

  /** `pieces`: of each head, one behind the other in the run. Returns the CRC-32C of what was moved. Throws InternalError. */
  move(move: KvMove, pieces: readonly PageRun[], bytes: Uint8Array): number {
    let tokenCount = 0;
    for (const { slot, length } of pieces) {
      const isThere =
        Number.isSafeInteger(slot) &&
        Number.isSafeInteger(length) &&
        slot >= 0 &&
        length >= 0 &&
        slot + length <= this.#pages.tokenCount;
      if (!isThere) {
        throw new InternalError(
          `Tokens ${slot} to ${slot + length} are to be moved, but the pages hold ${this.#pages.tokenCount}.`,
        );
      }
      tokenCount += length;
    }
    const sizeBytes = tokenCount * this.#rowCount * this.#rowBytes;
    if (pieces.length === 0 || sizeBytes > bytes.byteLength) {
      throw new InternalError(
        `${tokenCount} tokens take ${sizeBytes} bytes, but the run has ${bytes.byteLength}.`,
      );
    }
    this.#describe(pieces);
    return ~codeOf(move)(this.#job, bytes) >>> 0;
  }

  #describe(pieces: readonly PageRun[]): void {
    const wordCount = pieces.length * pieceFieldCount;
    if (this.#pieces.length < wordCount) this.#pieces = new BigInt64Array(2 * wordCount);
    for (const [i, { slot, length }] of pieces.entries()) {
      this.#pieces[i * pieceFieldCount] = BigInt(slot * this.#rowBytes);
      this.#pieces[i * pieceFieldCount + 1] = BigInt(length * this.#rowBytes);
    }
    const start = addressOf(this.#pieces);
    this.#job[moveFields.pieces] = start;
    this.#job[moveFields.piecesEnd] = start + BigInt(wordCount * wordBytes);
  }
}

const placed = new Map<KvMove, MoveCode>();
let prototype: ReturnType<typeof koffi.proto> | undefined;

/** Made once in a thread. */
function codeOf(move: KvMove): MoveCode {
  let code = placed.get(move);
  if (code === undefined) {
    prototype ??= koffi.proto(kvMovePrototype);
    code = koffi.decode(placeCode(writeKvMove(move)), prototype) as MoveCode;
    placed.set(move, code);
  }
  return code;
}
