// KV of runs of tokens, out of the pages and into them: per pool (keys and values of layer 0, then of layer 1, ...) and
// head the tokens side by side, in the pages' type. So it fits pages of any size at the other end.
import type { KvLayout, KvStore } from "@dyn/engine";
import type { ModelConfig } from "@dyn/model-files";
import type { KvPages } from "./kv-pages.ts";
import { countKvBytesPerToken } from "./weight-bytes.ts";

export class OnnxKvStore implements KvStore {
  readonly layout: KvLayout;
  readonly #pages: KvPages;

  constructor(config: ModelConfig, pageSize: number, pages: KvPages) {
    const { layerCount, kvHeadCount, headDim } = config;
    this.#pages = pages;
    this.layout = {
      format: "pool-head-token-dim",
      elementType: pages.elementType,
      layerCount,
      kvHeadCount,
      headDim,
      tensorParallelSize: 1,
      bytesPerToken: countKvBytesPerToken(config, pages.elementType),
      pageSize,
    };
  }

  exportTokens(pages: Int32Array, start: number, count: number, bytes: Uint8Array): void {
    this.#walk(pages, start, count, (stored, at, from, length) => {
      bytes.set(stored.subarray(at, at + length), from);
    });
  }

  importTokens(pages: Int32Array, start: number, count: number, bytes: Uint8Array): void {
    this.#walk(pages, start, count, (stored, at, from, length) => {
      stored.set(bytes.subarray(from, from + length), at);
    });
  }

  /** `move` gets a pool's bytes, where a piece lies in them, where in the run, and its length. */
  #walk(
    pages: Int32Array,
    start: number,
    count: number,
    move: (stored: Uint8Array, at: number, from: number, length: number) => void,
  ): void {
    const { kvHeadCount, headDim } = this.layout;
    const rowBytes = headDim * this.#pages.elementBytes;
    const slice = { row: 0, tokenStart: 0, length: count, pastLength: start };
    const pieces = this.#pages.pageRuns([slice], pages, pages.length);
    for (const [pool, { data }] of this.#pages.pools.entries()) {
      const stored = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
      for (let head = 0; head < kvHeadCount; head++) {
        const row = (pool * kvHeadCount + head) * count;
        for (const { token, length, slot } of pieces) {
          const at = (head * this.#pages.tokenCount + slot) * rowBytes;
          move(stored, at, (row + token) * rowBytes, length * rowBytes);
        }
      }
    }
  }
}
