// Runs the slot graph: attention reads and writes each sequence's slot in place, where the paged graph would first
// gather pages. Pages stay the truth, so that prefixes are shared as ever: a slot is filled from them, and what
// a run adds goes back to them.
import type { Executor, ExecutorInfo, ForwardBatch, StepResult } from "@dyn/engine";
import type { ModelConfig } from "@dyn/model-files";
import { RopeTable } from "../graph/rope-table.ts";
import { type FfiSession, FfiTensor } from "../runtime/ffi-session.ts";
import type { WeightStore } from "../weights/weight-store.ts";
import { unavailable } from "./executor-errors.ts";
import { KvPages } from "./kv-pages.ts";
import { OnnxKvStore } from "./onnx-kv-store.ts";
import { sliceRow } from "./plan-runs.ts";
import type { RowSlice } from "./row-slice.ts";
import { SlotMemory } from "./slot-memory.ts";

export interface SlotExecutorOptions {
  readonly info: ExecutorInfo;
  readonly config: ModelConfig;
  /** Sequence ids are below this. */
  readonly maxSequences: number;
  readonly session: FfiSession;
  readonly weights: WeightStore;
  /** Loads the graph with its weights again, after a release. */
  readonly openSession: () => FfiSession;
}

/** A slot of a run; `null`: nobody asked for it, it lies between two that were. */
type RunRow = { readonly slot: number; readonly slice: RowSlice | null };

export class SlotExecutor implements Executor {
  readonly info: ExecutorInfo;
  readonly kv: OnnxKvStore;
  readonly #config: ModelConfig;
  readonly weights: WeightStore;
  readonly #openSession: () => FfiSession;
  readonly #rope: RopeTable;
  readonly #slots: SlotMemory;
  #session: FfiSession | null;
  #pages: KvPages<"float32"> | null;
  /** Room for the logits of the largest step so far. */
  #logits = new Float32Array(0);

  constructor(options: SlotExecutorOptions) {
    const { info, config, maxSequences, weights, session, openSession } = options;
    this.info = info;
    this.#config = config;
    this.weights = weights;
    this.#openSession = openSession;
    this.#rope = new RopeTable(config);
    this.#slots = new SlotMemory(config, maxSequences, info.contextLength);
    this.#session = session;
    this.#pages = new KvPages(config, info.pageSize, info.pageCount, "float32");
    this.kv = new OnnxKvStore(config, info.pageSize, this.#pages);
  }

  async step(batch: ForwardBatch): Promise<StepResult> {
    const { vocabSize } = this.info;
    const count = batch.logitPositions.length;
    // Never empty: a tensor needs an address.
    if (this.#logits.length < Math.max(count, 1) * vocabSize) {
      this.#logits = new Float32Array(Math.max(count, 1) * vocabSize);
    }
    for (const rows of this.#planRuns(batch)) this.#run(batch, rows);
    return { kind: "logits", logits: this.#logits.subarray(0, count * vocabSize) };
  }

  releaseSequence(sequenceId: number): void {
    if (this.#pages !== null) this.#slots.release(sequenceId);
  }

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
    if (this.#pages === null) return;
    await this.releaseWeights();
    this.weights.close();
    this.#pages = null;
    this.#slots.close();
  }

  /** Prompts one after the other (the kernel takes new tokens after a past in one row only); decodes of neighbouring slots together. */
  #planRuns(batch: ForwardBatch): RunRow[][] {
    const slices: RowSlice[][] = [];
    let tokenStart = 0;
    for (let row = 0; row < batch.rowCount; row++) {
      const length = batch.newLengths[row]!;
      const pastLength = batch.pastLengths[row]!;
      slices.push(sliceRow({ row, tokenStart, length, pastLength }, this.#config.headCount));
      tokenStart += length;
    }
    const rows = slices.flat().map((slice) => ({ slot: batch.sequenceIds[slice.row]!, slice }));
    if (batch.kind === "prefill") return rows.map((row) => [row]);
    const runs: RunRow[][] = [];
    for (const row of rows.sort((a, b) => a.slot - b.slot)) {
      const run = runs.at(-1);
      const next = run === undefined ? 0 : run.at(-1)!.slot + 1;
      // Computing a slot for nothing is cheaper than reading all weights again, up to about as many as there are.
      if (run === undefined || row.slot - next > run.length) {
        runs.push([row]);
        continue;
      }
      for (let slot = next; slot < row.slot; slot++) run.push({ slot, slice: null });
      run.push(row);
    }
    return runs;
  }

  #run(batch: ForwardBatch, rows: readonly RunRow[]): void {
    const pages = this.#pages;
    if (pages === null) throw unavailable("is closed");
    if (this.#session === null) throw unavailable("has released its weights; resume them first");
    const { pageTable, pagesPerRow } = batch;
    for (const { slot, slice } of rows) {
      if (slice !== null) this.#slots.load(slot, slice, pages, pageTable, pagesPerRow);
    }
    const wanted = this.#wantedLogits(batch, rows);
    const logits = wanted.inPlace
      ? this.#logits
      : new Float32Array(Math.max(wanted.indexes.length, 1) * this.info.vocabSize);
    const tensors = this.#tensors(batch, rows, wanted.tokens, logits);
    try {
      this.#session.run(tensors.inputs, tensors.outputs);
    } finally {
      for (const tensor of tensors.all) tensor.release();
    }
    for (const { slot, slice } of rows) {
      if (slice !== null) this.#slots.store(slot, slice, pages, pageTable, pagesPerRow);
    }
    if (wanted.inPlace) return;
    const { vocabSize } = this.info;
    for (const [i, index] of wanted.indexes.entries()) {
      this.#logits.set(logits.subarray(i * vocabSize, (i + 1) * vocabSize), index * vocabSize);
    }
  }

  /** Which of the step's logits this run computes, and from which of its tokens. */
  #wantedLogits(batch: ForwardBatch, rows: readonly RunRow[]) {
    const indexes: number[] = [];
    const tokens: number[] = [];
    let token = 0;
    const starts = rows.map(({ slice }) => {
      const start = token;
      token += slice?.length ?? 1;
      return start;
    });
    for (const [index, position] of batch.logitPositions.entries()) {
      const row = rows.findIndex(
        ({ slice }) =>
          slice !== null &&
          position >= slice.tokenStart &&
          position < slice.tokenStart + slice.length,
      );
      if (row < 0) continue;
      indexes.push(index);
      tokens.push(starts[row]! + position - rows[row]!.slice!.tokenStart);
    }
    const inPlace = indexes.length === batch.logitPositions.length;
    return { indexes, tokens: Int32Array.from(tokens), inPlace };
  }

  #tensors(
    batch: ForwardBatch,
    rows: readonly RunRow[],
    logitTokens: Int32Array,
    logits: Float32Array,
  ) {
    const { headCount, kvHeadCount, headDim, layerCount } = this.#config;
    const all: FfiTensor[] = [];
    const tensor = (...args: ConstructorParameters<typeof FfiTensor>) => {
      const made = new FfiTensor(...args);
      all.push(made);
      return made;
    };
    const rowCount = rows.length;
    const newLength = rows[0]!.slice?.length ?? 1;
    const tokenIds = new Int32Array(rowCount * newLength);
    const positions = new BigInt64Array(rowCount * newLength);
    const lastPositions = new Int32Array(rowCount);
    let longest = 0;
    for (const [b, { slot, slice }] of rows.entries()) {
      const past = slice?.pastLength ?? this.#slots.lengthOf(slot);
      if (slice !== null) {
        const { tokenStart, length } = slice;
        tokenIds.set(batch.tokenIds.subarray(tokenStart, tokenStart + length), b * newLength);
      }
      for (let i = 0; i < newLength; i++) positions[b * newLength + i] = BigInt(past + i);
      lastPositions[b] = past + newLength - 1;
      longest = Math.max(longest, past + newLength);
    }
    this.#rope.ensure(Math.max(longest, tokenIds.length));
    const tableShape = [this.#rope.positionCount, headDim / 2];
    const sizes = (...values: number[]) =>
      tensor(BigInt64Array.from(values, BigInt), [values.length]);
    const inputs: Record<string, FfiTensor> = {
      tokenIds: tensor(tokenIds, [tokenIds.length]),
      positions: tensor(positions, [positions.length, 1]),
      logitTokens: tensor(logitTokens.length === 0 ? new Int32Array(1) : logitTokens, [
        logitTokens.length,
      ]),
      cos: tensor(this.#rope.cos, tableShape),
      sin: tensor(this.#rope.sin, tableShape),
      lastPositions: tensor(lastPositions, [rowCount]),
      longest: tensor(Int32Array.of(longest), [1]),
      queryShape: sizes(rowCount, newLength, headCount * headDim),
      keyShape: sizes(rowCount, newLength, kvHeadCount * headDim),
    };
    const outputs: Record<string, FfiTensor> = {
      logits: tensor(logits, [logitTokens.length, this.info.vocabSize]),
    };
    const shape = [rowCount, kvHeadCount, this.#slots.capacity, headDim];
    for (let layer = 0; layer < layerCount; layer++) {
      for (const [i, name] of ["keys", "values"].entries()) {
        const range = this.#slots.range(2 * layer + i, rows[0]!.slot, rowCount);
        const slots = tensor(range, shape);
        inputs[`${name}.${layer}`] = slots;
        outputs[`${name}After.${layer}`] = slots;
      }
    }
    return { inputs, outputs, all };
  }
}
