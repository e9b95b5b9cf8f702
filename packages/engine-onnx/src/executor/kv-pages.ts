// The KV cache in pages: per layer keys and values [kvHeads, pageCount, pageSize x headDim], float32.
// Which page belongs to whom is the caller's affair.
import type { ModelConfig } from "@dyn/model-files";
import type { Tensor } from "onnxruntime-node";
import { loadOrt } from "../runtime/binding-session.ts";
import type { RowSlice } from "./row-slice.ts";

export class KvPages {
  readonly #pageSize: number;
  readonly #pageCount: number;
  readonly #headDim: number;
  readonly #kvHeadCount: number;
  /** Memory is taken from the system page by page, as it is written. */
  readonly #pools: {
    readonly name: string;
    readonly source: string;
    readonly data: Float32Array;
  }[];
  /** Inputs of the graph by name. */
  readonly feeds: Readonly<Record<string, Tensor>>;

  constructor(config: ModelConfig, pageSize: number, pageCount: number) {
    this.#pageSize = pageSize;
    this.#pageCount = pageCount;
    this.#headDim = config.headDim;
    this.#kvHeadCount = config.kvHeadCount;
    const valueCount = config.kvHeadCount * pageCount * pageSize * config.headDim;
    this.#pools = Array.from({ length: config.layerCount }, (_, layer) => [
      { name: `keyPages.${layer}`, source: `newKeys.${layer}` },
      { name: `valuePages.${layer}`, source: `newValues.${layer}` },
    ])
      .flat()
      .map((names) => ({ ...names, data: new Float32Array(valueCount) }));
    const { Tensor } = loadOrt();
    const shape = [config.kvHeadCount, pageCount, pageSize * config.headDim];
    this.feeds = Object.fromEntries(
      this.#pools.map(({ name, data }) => [name, new Tensor("float32", data, shape)]),
    );
  }

  /** Names of the outputs that `write` takes. */
  get sources(): string[] {
    return this.#pools.map(({ source }) => source);
  }

  /**
   * Stores the new keys and values of a run, outputs [kvHeads, T, headDim] of which slice after slice
   * takes its length.
   */
  write(
    outputs: Readonly<Record<string, Tensor>>,
    slices: readonly RowSlice[],
    pageTable: Int32Array,
    pagesPerRow: number,
  ): void {
    const runs = this.#pageRuns(slices, pageTable, pagesPerRow);
    const tokenCount = slices.reduce((sum, slice) => sum + slice.length, 0);
    const headDim = this.#headDim;
    const headStride = this.#pageCount * this.#pageSize;
    for (const { source, data } of this.#pools) {
      const values = outputs[source]!.data as Float32Array;
      for (let head = 0; head < this.#kvHeadCount; head++) {
        for (const { token, length, slot } of runs) {
          const from = (head * tokenCount + token) * headDim;
          const to = (head * headStride + slot) * headDim;
          data.set(values.subarray(from, from + length * headDim), to);
        }
      }
    }
  }

  /** Stretches of tokens that lie side by side in one page. `slot` counts tokens from the first page on. */
  #pageRuns(slices: readonly RowSlice[], pageTable: Int32Array, pagesPerRow: number) {
    const pageSize = this.#pageSize;
    const runs: { token: number; length: number; slot: number }[] = [];
    let token = 0;
    for (const { row, pastLength, length } of slices) {
      for (let done = 0; done < length; ) {
        const position = pastLength + done;
        const inPage = position % pageSize;
        const page = pageTable[row * pagesPerRow + Math.floor(position / pageSize)]!;
        const count = Math.min(pageSize - inPage, length - done);
        runs.push({ token: token + done, length: count, slot: page * pageSize + inPage });
        done += count;
      }
      token += length;
    }
    return runs;
  }
}
