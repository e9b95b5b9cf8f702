// KV of runs of tokens, out of the pages and into them: per pool (keys and values of layer 0, then of layer 1, ...) and
// head the tokens side by side, float32. So it fits pages of any size at the other end.
import type { KvLayout, KvStore } from "@dyn/engine";
import type { ModelConfig } from "@dyn/model-files";
import type { KvPages } from "./kv-pages.ts";

export class OnnxKvStore implements KvStore {
  readonly layout: KvLayout;
  readonly #pages: KvPages;

  constructor(config: ModelConfig, pageSize: number, pages: KvPages) {
    const { layerCount, kvHeadCount, headDim } = config;
    this.#pages = pages;
    this.layout = {
      format: "pool-head-token-dim",
      elementType: "float32",
      layerCount,
      kvHeadCount,
      headDim,
      tensorParallelSize: 1,
      bytesPerToken: 2 * layerCount * kvHeadCount * headDim * Float32Array.BYTES_PER_ELEMENT,
      pageSize,
    };
  }

  exportTokens(pages: Int32Array, start: number, count: number, bytes: Uint8Array): void {
    this.#walk(pages, start, count, bytes, (stored, at, run, from, length) => {
      run.set(stored.subarray(at, at + length), from);
    });
  }

  importTokens(pages: Int32Array, start: number, count: number, bytes: Uint8Array): void {
    this.#walk(pages, start, count, bytes, (stored, at, run, from, length) => {
      stored.set(run.subarray(from, from + length), at);
    });
  }

  #walk(
    pages: Int32Array,
    start: number,
    count: number,
    bytes: Uint8Array,
    move: (
      stored: Float32Array,
      at: number,
      run: Float32Array,
      from: number,
      length: number,
    ) => void,
  ): void {
    const { kvHeadCount, headDim } = this.layout;
    const run = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
    const slice = { row: 0, tokenStart: 0, length: count, pastLength: start };
    const pieces = this.#pages.pageRuns([slice], pages, pages.length);
    for (const [pool, { data }] of this.#pages.pools.entries()) {
      for (let head = 0; head < kvHeadCount; head++) {
        const row = (pool * kvHeadCount + head) * count;
        for (const { token, length, slot } of pieces) {
          const at = (head * this.#pages.tokenCount + slot) * headDim;
          move(data, at, run, (row + token) * headDim, length * headDim);
        }
      }
    }
  }
}
