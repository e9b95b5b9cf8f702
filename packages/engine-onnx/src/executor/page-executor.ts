// Runs the graph whose attention reads and writes KV pages in place. Keeps no state per sequence, and copies no KV:
// everything lies in the pages. All rows of a batch share a run, whatever their lengths.
import type { Executor, ExecutorInfo, ForwardBatch, StepResult } from "@dyn/engine";
import type { ModelConfig } from "@dyn/model-files";
import { RopeTable } from "../graph/rope-table.ts";
import type { PageAttention } from "../kernel/page-attention.ts";
import { type FfiSession, FfiTensor } from "../runtime/ffi-session.ts";
import type { WeightStore } from "../weights/weight-store.ts";
import { unavailable } from "./executor-errors.ts";
import type { KvPages } from "./kv-pages.ts";
import { OnnxKvStore } from "./onnx-kv-store.ts";
import type { RowSlice } from "./row-slice.ts";

/** Of one run; bounds what a long prompt takes beside the weights. */
const maxRunTokens = 1024;

export interface PageExecutorOptions {
  readonly info: ExecutorInfo;
  readonly config: ModelConfig;
  readonly attention: PageAttention;
  /** That the attention works on. */
  readonly pages: KvPages;
  readonly session: FfiSession;
  readonly weights: WeightStore;
  /** Loads the graph with its weights again, after a release. */
  readonly openSession: () => FfiSession;
}

export class PageExecutor implements Executor {
  readonly info: ExecutorInfo;
  readonly kv: OnnxKvStore;
  readonly #config: ModelConfig;
  readonly weights: WeightStore;
  readonly #openSession: () => FfiSession;
  readonly #rope: RopeTable;
  readonly #pages: KvPages;
  #attention: PageAttention | null;
  #session: FfiSession | null;
  /** Room for the logits of the largest step so far. */
  #logits = new Float32Array(0);

  constructor(options: PageExecutorOptions) {
    const { info, config, attention, pages, weights, session, openSession } = options;
    this.info = info;
    this.kv = new OnnxKvStore(config, info.pageSize, pages);
    this.#config = config;
    this.weights = weights;
    this.#openSession = openSession;
    this.#rope = new RopeTable(config);
    this.#attention = attention;
    this.#pages = pages;
    this.#session = session;
  }

  async step(batch: ForwardBatch): Promise<StepResult> {
    const { vocabSize } = this.info;
    const count = batch.logitPositions.length;
    // Never empty: a tensor needs an address.
    if (this.#logits.length < Math.max(count, 1) * vocabSize) {
      this.#logits = new Float32Array(Math.max(count, 1) * vocabSize);
    }
    let done = 0;
    for (const slices of cutIntoRuns(batch)) done += this.#run(batch, slices, done);
    return { kind: "logits", logits: this.#logits.subarray(0, count * vocabSize) };
  }

  /** Nothing is kept beside the pages. */
  releaseSequence(): void {}

  async releaseWeights(): Promise<void> {
    this.#session?.release();
    this.#session = null;
  }

  async resumeWeights(): Promise<void> {
    if (this.#attention === null) throw unavailable("is closed");
    this.#session ??= this.#openSession();
  }

  releaseKv(): void {
    this.#pages.discard();
  }

  async close(): Promise<void> {
    await this.releaseWeights();
    this.weights.close();
    this.#attention = null;
  }

  /** Computes logits from the `done`-th one on, as far as they lie in these slices; returns how many. */
  #run(batch: ForwardBatch, slices: readonly RowSlice[], done: number): number {
    if (this.#attention === null) throw unavailable("is closed");
    if (this.#session === null) throw unavailable("has released its weights; resume them first");
    const { vocabSize } = this.info;
    const start = slices[0]!.tokenStart;
    const last = slices.at(-1)!;
    const tokenCount = last.tokenStart + last.length - start;
    const positions = new BigInt64Array(tokenCount);
    let longest = 0;
    for (const { tokenStart, length, pastLength } of slices) {
      for (let i = 0; i < length; i++) positions[tokenStart - start + i] = BigInt(pastLength + i);
      longest = Math.max(longest, pastLength + length);
    }
    const wanted: number[] = [];
    for (let i = done; i < batch.logitPositions.length; i++) {
      const position = batch.logitPositions[i]!;
      if (position >= start + tokenCount) break;
      wanted.push(position - start);
    }
    this.#attention.plan(slices, batch.pageTable, batch.pagesPerRow);
    // ONNX Runtime wants tables of at least as many positions as there are tokens in the run.
    this.#rope.ensure(Math.max(longest, tokenCount));
    const tableShape = [this.#rope.positionCount, this.#config.headDim / 2];
    const all: FfiTensor[] = [];
    const tensor = (...args: ConstructorParameters<typeof FfiTensor>) => {
      const made = new FfiTensor(...args);
      all.push(made);
      return made;
    };
    const logits = this.#logits.subarray(done * vocabSize);
    try {
      const inputs = {
        tokenIds: tensor(batch.tokenIds.slice(start, start + tokenCount), [tokenCount]),
        positions: tensor(positions, [tokenCount, 1]),
        logitTokens: tensor(Int32Array.from(wanted.length === 0 ? [0] : wanted), [wanted.length]),
        cos: tensor(this.#rope.cos, tableShape),
        sin: tensor(this.#rope.sin, tableShape),
      };
      this.#session.run(inputs, { logits: tensor(logits, [wanted.length, vocabSize]) });
    } finally {
      for (const made of all) made.release();
    }
    return wanted.length;
  }
}

/** The batch's tokens in their order, in pieces of at most `maxRunTokens`. */
function cutIntoRuns(batch: ForwardBatch): RowSlice[][] {
  const runs: RowSlice[][] = [];
  let tokenStart = 0;
  let room = 0;
  for (let row = 0; row < batch.rowCount; row++) {
    let pastLength = batch.pastLengths[row]!;
    for (let left = batch.newLengths[row]!; left > 0; ) {
      if (room === 0) {
        runs.push([]);
        room = maxRunTokens;
      }
      const length = Math.min(left, room);
      runs.at(-1)!.push({ row, tokenStart, length, pastLength });
      tokenStart += length;
      pastLength += length;
      left -= length;
      room -= length;
    }
  }
  return runs;
}
