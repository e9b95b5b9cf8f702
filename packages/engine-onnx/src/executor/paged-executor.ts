// Runs the paged decoder graph. Keeps no state per sequence: everything lies in the pages.
import type { Executor, ExecutorInfo, ForwardBatch, StepResult } from "@dyn/engine";
import type { ModelConfig } from "@dyn/model-files";
import type { Tensor } from "onnxruntime-node";
import { RopeTable } from "../graph/rope-table.ts";
import { type BindingSession, loadOrt } from "../runtime/binding-session.ts";
import type { WeightStore } from "../weights/weight-store.ts";
import { buildAttentionInputs } from "./attention-inputs.ts";
import { unavailable } from "./executor-errors.ts";
import { KvPages, type KvPool } from "./kv-pages.ts";
import { OnnxKvStore } from "./onnx-kv-store.ts";
import { estimateRunCosts, planRuns, type RunCosts } from "./plan-runs.ts";
import type { RowSlice } from "./row-slice.ts";

export interface PagedExecutorOptions {
  readonly info: ExecutorInfo;
  readonly config: ModelConfig;
  readonly session: BindingSession;
  readonly weights: WeightStore;
  /** Loads the graph with its weights again, after a release. */
  readonly openSession: () => BindingSession;
}

export class PagedExecutor implements Executor {
  readonly info: ExecutorInfo;
  readonly kv: OnnxKvStore;
  readonly #config: ModelConfig;
  readonly weights: WeightStore;
  readonly #openSession: () => BindingSession;
  readonly #costs: RunCosts;
  readonly #rope: RopeTable;
  readonly #outputs: Readonly<Record<string, null>>;
  #session: BindingSession | null;
  #pages: KvPages<"float32"> | null;
  #pageFeeds: Readonly<Record<string, Tensor>>;
  #ropeFeeds: Readonly<Record<string, Tensor>> = {};

  constructor(options: PagedExecutorOptions) {
    const { info, config, weights, session, openSession } = options;
    this.info = info;
    this.#config = config;
    this.weights = weights;
    this.#openSession = openSession;
    this.#costs = estimateRunCosts(config, info.weightBytes, info.kvBytesPerToken);
    this.#rope = new RopeTable(config);
    this.#session = session;
    const pages = new KvPages(config, info.pageSize, info.pageCount, "float32");
    const { Tensor } = loadOrt();
    this.#pages = pages;
    this.kv = new OnnxKvStore(config, info.pageSize, pages);
    this.#pageFeeds = Object.fromEntries(
      pages.pools.map(({ name, data }) => [name, new Tensor("float32", data, pages.shape)]),
    );
    const outputs = ["logits", ...pages.pools.map(({ source }) => source)];
    this.#outputs = Object.fromEntries(outputs.map((name) => [name, null]));
  }

  async step(batch: ForwardBatch): Promise<StepResult> {
    const runs = planRuns(batch, this.#config.headCount, this.#costs);
    const [only] = runs;
    if (runs.length === 1 && only !== undefined) {
      return { kind: "logits", logits: this.#run(batch, only, batch.logitPositions) };
    }
    const { vocabSize } = this.info;
    const logits = new Float32Array(batch.logitPositions.length * vocabSize);
    for (const slices of runs) {
      const wanted = indexesIn(batch.logitPositions, slices);
      const rows = this.#run(
        batch,
        slices,
        wanted.map((index) => batch.logitPositions[index]!),
      );
      for (const [i, index] of wanted.entries()) {
        logits.set(rows.subarray(i * vocabSize, (i + 1) * vocabSize), index * vocabSize);
      }
    }
    return { kind: "logits", logits };
  }

  /** Nothing is kept beside the pages. */
  releaseSequence(): void {}

  async releaseWeights(): Promise<void> {
    this.#session?.release();
    this.#session = null;
  }

  async resumeWeights(): Promise<void> {
    if (this.#pages === null) throw unavailable("is closed");
    this.#session ??= this.#openSession();
  }

  releaseKv(): void {
    this.#pages?.discard();
  }

  async close(): Promise<void> {
    await this.releaseWeights();
    this.weights.close();
    this.#pages = null;
    this.#pageFeeds = {};
  }

  /** Computes the slices, stores their KV, returns logits [positions.length, vocabSize]. */
  #run(
    batch: ForwardBatch,
    slices: readonly RowSlice[],
    positions: ArrayLike<number>,
  ): Float32Array {
    if (this.#pages === null) throw unavailable("is closed");
    if (this.#session === null) throw unavailable("has released its weights; resume them first");
    const feeds = { ...this.#pageFeeds, ...this.#feeds(batch, slices, positions) };
    const outputs = this.#session.run(feeds, this.#outputs);
    const newValues = ({ source }: KvPool) => outputs[source]!.data as Float32Array;
    this.#pages.write(newValues, slices, batch.pageTable, batch.pagesPerRow);
    return outputs.logits!.data as Float32Array;
  }

  #feeds(
    batch: ForwardBatch,
    slices: readonly RowSlice[],
    logitPositions: ArrayLike<number>,
  ): Record<string, Tensor> {
    const { Tensor } = loadOrt();
    const config = this.#config;
    const { pageSize } = this.info;
    const tokenCount = slices.reduce((sum, { length }) => sum + length, 0);
    const tokenIds = new Int32Array(tokenCount);
    const positions = new BigInt64Array(tokenCount);
    const logitTokens = new Int32Array(logitPositions.length);
    let token = 0;
    let logit = 0;
    let end = 0;
    for (const { tokenStart, length, pastLength } of slices) {
      tokenIds.set(batch.tokenIds.subarray(tokenStart, tokenStart + length), token);
      for (let i = 0; i < length; i++) positions[token + i] = BigInt(pastLength + i);
      while (logit < logitPositions.length && logitPositions[logit]! < tokenStart + length) {
        logitTokens[logit] = logitPositions[logit]! - tokenStart + token;
        logit += 1;
      }
      end = Math.max(end, pastLength + length);
      token += length;
    }
    const attention = buildAttentionInputs(
      config,
      pageSize,
      slices,
      batch.pageTable,
      batch.pagesPerRow,
    );
    const { rowCount, slotCount, pageCount, maskRows } = attention;
    const group = config.headCount / config.kvHeadCount;
    const pastSize = pageCount * pageSize;
    const int32 = (data: Int32Array, ...shape: number[]) => new Tensor("int32", data, shape);
    const float32 = (data: Float32Array, ...shape: number[]) => new Tensor("float32", data, shape);
    const sizes = (...values: number[]) =>
      new Tensor("int64", BigInt64Array.from(values, BigInt), [values.length]);
    return {
      ...this.#ropeTables(Math.max(end, tokenCount)),
      tokenIds: int32(tokenIds, tokenCount),
      positions: new Tensor("int64", positions, [tokenCount, 1]),
      logitTokens: int32(logitTokens, logitTokens.length),
      slotTokens: int32(attention.slotTokens, rowCount, slotCount),
      tokenSlots: int32(attention.tokenSlots, tokenCount),
      pages: int32(attention.pages, rowCount, pageCount),
      pastMask: float32(attention.pastMask, 1, rowCount, maskRows, pastSize),
      newMask: float32(attention.newMask, 1, rowCount, group * slotCount, slotCount),
      scoreSplit: sizes(pastSize, slotCount),
      queryShape: sizes(rowCount, slotCount, config.kvHeadCount, group, config.headDim),
      answerShape: sizes(config.kvHeadCount, rowCount, group, slotCount, config.headDim),
    };
  }

  /** `count`: positions in use. ONNX Runtime also wants at least as many as there are tokens in the run. */
  #ropeTables(count: number): Readonly<Record<string, Tensor>> {
    if (this.#rope.ensure(count)) {
      const { Tensor } = loadOrt();
      const shape = [this.#rope.positionCount, this.#config.headDim / 2];
      this.#ropeFeeds = {
        cos: new Tensor("float32", this.#rope.cos, shape),
        sin: new Tensor("float32", this.#rope.sin, shape),
      };
    }
    return this.#ropeFeeds;
  }
}

/** Indexes of the positions that lie in one of the slices, ascending like the slices. */
function indexesIn(positions: Int32Array, slices: readonly RowSlice[]): number[] {
  const indexes: number[] = [];
  for (const { tokenStart, length } of slices) {
    for (const [index, position] of positions.entries()) {
      if (position >= tokenStart && position < tokenStart + length) indexes.push(index);
    }
  }
  return indexes;
}
