// The KV cache in pages: per layer keys and values [kvHeads, pageCount, pageSize x headDim], float32 or float16.
// Which page belongs to whom is the caller's affair.
import type { ModelConfig } from "@dyn/model-files";
import { discardMemory } from "../runtime/discard-memory.ts";
import { type KvArrays, type KvElementType, kvArrays } from "./kv-element-type.ts";
import type { RowSlice } from "./row-slice.ts";

export type KvShape = Pick<ModelConfig, "layerCount" | "kvHeadCount" | "headDim">;

export interface KvPool<Type extends KvElementType = KvElementType> {
  /** `keyPages.3`: an input of the paged graph. */
  readonly name: string;
  /** `newKeys.3`: its output with what the new tokens add. */
  readonly source: string;
  /** Memory is taken from the system as it is written. */
  readonly data: KvArrays[Type];
}

/** Tokens that lie side by side, in one page or in neighbouring ones. */
export interface PageRun {
  /** Of the first one, among the tokens of all slices. */
  readonly token: number;
  readonly length: number;
  /** Of the first one, counting the tokens of all pages. */
  readonly slot: number;
}

export class KvPages<Type extends KvElementType = KvElementType> {
  readonly #pageSize: number;
  readonly #headDim: number;
  readonly #kvHeadCount: number;
  readonly elementType: Type;
  /** Tokens of all pages. */
  readonly tokenCount: number;
  /** [kvHeadCount, pageCount, pageSize x headDim] */
  readonly shape: readonly number[];
  /** Keys and values of layer 0, then of layer 1, ... */
  readonly pools: readonly KvPool<Type>[];

  constructor(shape: KvShape, pageSize: number, pageCount: number, elementType: Type) {
    this.elementType = elementType;
    this.#pageSize = pageSize;
    this.#headDim = shape.headDim;
    this.#kvHeadCount = shape.kvHeadCount;
    this.tokenCount = pageCount * pageSize;
    this.shape = [shape.kvHeadCount, pageCount, pageSize * shape.headDim];
    const valueCount = shape.kvHeadCount * this.tokenCount * shape.headDim;
    // Attention in place reads keys four at a time, up to three behind the last one.
    const readCount = valueCount + 3 * shape.headDim;
    const allocate = () =>
      new kvArrays[elementType](readCount).subarray(0, valueCount) as KvArrays[Type];
    this.pools = Array.from({ length: shape.layerCount }, (_, layer) => [
      { name: `keyPages.${layer}`, source: `newKeys.${layer}` },
      { name: `valuePages.${layer}`, source: `newValues.${layer}` },
    ])
      .flat()
      .map((names) => ({ ...names, data: allocate() }));
  }

  /** Their memory goes back to the system where it can (Linux); what they held is lost. Nobody uses them now. */
  discard(): void {
    for (const { data } of this.pools) discardMemory(data);
  }

  /**
   * Stores the new keys and values of a run. `values(pool)` is [kvHeads, T, headDim], of which slice after slice
   * takes its length.
   */
  write(
    this: KvPages<"float32">,
    values: (pool: KvPool) => Float32Array,
    slices: readonly RowSlice[],
    pageTable: Int32Array,
    pagesPerRow: number,
  ): void {
    const runs = this.pageRuns(slices, pageTable, pagesPerRow);
    const newCount = slices.reduce((sum, slice) => sum + slice.length, 0);
    const headDim = this.#headDim;
    for (const pool of this.pools) {
      const source = values(pool);
      for (let head = 0; head < this.#kvHeadCount; head++) {
        for (const { token, length, slot } of runs) {
          const from = (head * newCount + token) * headDim;
          const to = (head * this.tokenCount + slot) * headDim;
          pool.data.set(source.subarray(from, from + length * headDim), to);
        }
      }
    }
  }

  get elementBytes(): number {
    return kvArrays[this.elementType].BYTES_PER_ELEMENT;
  }

  pageRuns(slices: readonly RowSlice[], pageTable: Int32Array, pagesPerRow: number): PageRun[] {
    const pageSize = this.#pageSize;
    const runs: { token: number; length: number; slot: number }[] = [];
    let token = 0;
    for (const { row, pastLength, length } of slices) {
      for (let done = 0; done < length; ) {
        const position = pastLength + done;
        const inPage = position % pageSize;
        const page = pageTable[row * pagesPerRow + Math.floor(position / pageSize)]!;
        const count = Math.min(pageSize - inPage, length - done);
        const slot = page * pageSize + inPage;
        const last = runs.at(-1);
        // Neighbouring pages are one run.
        if (done > 0 && last !== undefined && last.slot + last.length === slot) {
          last.length += count;
        } else {
          runs.push({ token: token + done, length: count, slot });
        }
        done += count;
      }
      token += length;
    }
    return runs;
  }
}
