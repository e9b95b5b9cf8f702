// KV of runs of tokens, out of the pages and into them: per pool (keys and values of layer 0, then of layer 1, ...) and
// head the tokens side by side, in the pages' type. So it fits pages of any size at the other end.
import type { KvLayout, KvStore } from "@dyn/engine";
import { InternalError } from "@dyn/protocol";
import type { KvMove } from "../kernel/kv-move-code.ts";
import { KvMover } from "../kernel/kv-mover.ts";
import { whyNoKvMover } from "../kernel/processor-features.ts";
import type { KvPages, KvShape, PageRun } from "./kv-pages.ts";
import { countKvBytesPerToken } from "./weight-bytes.ts";

export class OnnxKvStore implements KvStore {
  readonly layout: KvLayout;
  readonly computesCrc32c: boolean;
  readonly #pages: KvPages;
  readonly #mover: KvMover | null;

  /** `machineCode`: where false or not to be had, KV is moved by JavaScript, without checksums. */
  constructor(shape: KvShape, pageSize: number, pages: KvPages, machineCode = true) {
    const { layerCount, kvHeadCount, headDim } = shape;
    this.#pages = pages;
    this.#mover = machineCode && whyNoKvMover() === null ? new KvMover(pages, shape) : null;
    this.computesCrc32c = this.#mover !== null;
    this.layout = {
      format: "pool-head-token-dim",
      elementType: pages.elementType,
      layerCount,
      kvHeadCount,
      headDim,
      tensorParallelSize: 1,
      bytesPerToken: countKvBytesPerToken(shape, pages.elementType),
      pageSize,
    };
  }

  exportTokens(
    pages: Int32Array,
    start: number,
    count: number,
    bytes: Uint8Array,
  ): number | undefined {
    return this.#move("gather", pages, start, count, bytes);
  }

  importTokens(
    pages: Int32Array,
    start: number,
    count: number,
    bytes: Uint8Array,
  ): number | undefined {
    return this.#move("scatter", pages, start, count, bytes);
  }

  #move(
    move: KvMove,
    pages: Int32Array,
    start: number,
    count: number,
    bytes: Uint8Array,
  ): number | undefined {
    this.#check(pages, start, count, bytes);
    const slice = { row: 0, tokenStart: 0, length: count, pastLength: start };
    const pieces = this.#pages.pageRuns([slice], pages, pages.length);
    if (this.#mover !== null) return this.#mover.move(move, pieces, bytes);
    this.#walk(move, pieces, count, bytes);
    return undefined;
  }

  #check(pages: Int32Array, start: number, count: number, bytes: Uint8Array): void {
    const { pageSize, bytesPerToken } = this.layout;
    const isThere =
      Number.isSafeInteger(start) &&
      Number.isSafeInteger(count) &&
      start >= 0 &&
      count > 0 &&
      start + count <= pages.length * pageSize &&
      count * bytesPerToken <= bytes.byteLength;
    if (!isThere) {
      throw new InternalError(
        `Tokens ${start} to ${start + count} cannot be moved with ${pages.length} pages and ${bytes.byteLength} bytes.`,
      );
    }
    const pageCount = this.#pages.tokenCount / pageSize;
    const last = Math.floor((start + count - 1) / pageSize);
    for (let at = Math.floor(start / pageSize); at <= last; at++) {
      const page = pages[at]!;
      if (page >= 0 && page < pageCount) continue;
      throw new InternalError(`Page ${page} is to be moved, but there are ${pageCount}.`);
    }
  }

  #walk(move: KvMove, pieces: readonly PageRun[], count: number, bytes: Uint8Array): void {
    const { kvHeadCount, headDim } = this.layout;
    const rowBytes = headDim * this.#pages.elementBytes;
    for (const [pool, { data }] of this.#pages.pools.entries()) {
      const stored = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
      for (let head = 0; head < kvHeadCount; head++) {
        const row = (pool * kvHeadCount + head) * count;
        for (const { token, length, slot } of pieces) {
          const at = (head * this.#pages.tokenCount + slot) * rowBytes;
          const from = (row + token) * rowBytes;
          if (move === "gather") bytes.set(stored.subarray(at, at + length * rowBytes), from);
          else stored.set(bytes.subarray(from, from + length * rowBytes), at);
        }
      }
    }
  }
}
