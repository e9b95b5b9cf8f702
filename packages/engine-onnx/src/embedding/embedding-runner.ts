// Computes the vectors of a batch: runs of the ragged graph, pooled. Blocks its thread; keeps nothing between batches.
import type { EmbeddingBatch } from "@dyn/engine";
import type { ModelConfig, PoolingMode } from "@dyn/model-files";
import type { Tensor } from "onnxruntime-node";
import type { RunCosts } from "../executor/plan-runs.ts";
import type { RowSlice } from "../executor/row-slice.ts";
import { RopeTable } from "../graph/rope-table.ts";
import { type BindingSession, loadOrt } from "../runtime/binding-session.ts";
import { planPromptRuns } from "./plan-prompt-runs.ts";
import { PooledVectors, tokensRead } from "./pooled-vectors.ts";
import { buildRaggedInputs } from "./ragged-inputs.ts";

export interface EmbeddingRunnerOptions {
  readonly config: ModelConfig;
  readonly session: BindingSession;
  readonly costs: RunCosts;
  readonly vectorSize: number;
  readonly pooling: PoolingMode;
  readonly normalize: boolean;
  readonly maxPieceTokens: number | null;
}

type Feeds = Record<string, Tensor>;

export class EmbeddingRunner {
  readonly #options: EmbeddingRunnerOptions;
  readonly #rope: RopeTable;
  readonly #keyNames: readonly string[];
  #ropeFeeds: Feeds = {};

  constructor(options: EmbeddingRunnerOptions) {
    const { config } = options;
    this.#options = options;
    this.#rope = new RopeTable(config);
    this.#keyNames = Array.from({ length: config.layerCount }, (_, layer) => [
      `keys.${layer}`,
      `values.${layer}`,
    ]).flat();
  }

  /** [prompts, vectorSize], in memory of its own. */
  embed({ tokenIds, lengths }: EmbeddingBatch): Float32Array {
    const { config, costs, pooling, vectorSize, normalize, maxPieceTokens } = this.#options;
    const vectors = new PooledVectors(pooling, vectorSize, lengths);
    let past: Feeds | null = null;
    for (const slices of planPromptRuns(lengths, config, costs, maxPieceTokens)) {
      // Pieces are alone in their runs, and follow each other.
      const { row, length, pastLength } = slices[0]!;
      past = this.#run(tokenIds, lengths, slices, pastLength > 0 ? past : null, {
        vectors,
        keepsPast: pastLength + length < lengths[row]!,
      });
    }
    return vectors.finish(normalize);
  }

  release(): void {
    this.#options.session.release();
  }

  /** Returns keys and values of all tokens so far when they are to be kept. */
  #run(
    tokenIds: Int32Array,
    lengths: Int32Array,
    slices: readonly RowSlice[],
    past: Feeds | null,
    { vectors, keepsPast }: { readonly vectors: PooledVectors; readonly keepsPast: boolean },
  ): Feeds | null {
    const { Tensor } = loadOrt();
    const { config, session, vectorSize } = this.#options;
    const { headCount, kvHeadCount, headDim } = config;
    const inputs = buildRaggedInputs(tokenIds, slices);
    const { rowCount, slotCount } = inputs;
    const read = this.#readTokens(slices, lengths);
    const int32 = (data: Int32Array, ...shape: number[]) => new Tensor("int32", data, shape);
    const sizes = (...values: number[]) =>
      new Tensor("int64", BigInt64Array.from(values, BigInt), [values.length]);
    const count = inputs.tokenIds.length;
    const feeds: Feeds = {
      ...this.#ropeTables(Math.max(inputs.longest, count)),
      ...(past ?? this.#emptyPast(rowCount)),
      tokenIds: int32(inputs.tokenIds, count),
      positions: new Tensor("int64", inputs.positions, [count, 1]),
      logitTokens: int32(
        Int32Array.from(read, ({ token }) => token),
        read.length,
      ),
      slotTokens: int32(inputs.slotTokens, rowCount * slotCount),
      tokenSlots: int32(inputs.tokenSlots, count),
      lastPositions: int32(inputs.lastPositions, rowCount),
      longest: int32(Int32Array.of(inputs.longest), 1),
      queryShape: sizes(rowCount, slotCount, headCount * headDim),
      keyShape: sizes(rowCount, slotCount, kvHeadCount * headDim),
    };
    const kept = keepsPast ? this.#keyNames.map((name) => [name, name.replace(".", "After.")]) : [];
    const wanted = ["hidden", ...kept.map(([, output]) => output!)];
    const outputs = session.run(feeds, Object.fromEntries(wanted.map((name) => [name, null])));
    const hidden = outputs.hidden!.data as Float32Array;
    for (const [i, { prompt, position }] of read.entries()) {
      vectors.add(prompt, position, hidden, i * vectorSize);
    }
    if (!keepsPast) return null;
    return Object.fromEntries(kept.map(([name, output]) => [name!, outputs[output!]!]));
  }

  /** Tokens whose hidden states are wanted, `token` in the run, `position` in the prompt. */
  #readTokens(slices: readonly RowSlice[], lengths: Int32Array) {
    const reads = tokensRead(this.#options.pooling);
    const read: { readonly token: number; readonly prompt: number; readonly position: number }[] =
      [];
    let start = 0;
    for (const { row: prompt, length, pastLength } of slices) {
      const add = (i: number) => read.push({ token: start + i, prompt, position: pastLength + i });
      if (reads === "all") for (let i = 0; i < length; i++) add(i);
      else if (reads === "first" && pastLength === 0) add(0);
      else if (reads === "last" && pastLength + length === lengths[prompt]) add(length - 1);
      start += length;
    }
    return read;
  }

  #emptyPast(rowCount: number): Feeds {
    const { Tensor } = loadOrt();
    const { kvHeadCount, headDim } = this.#options.config;
    const none = new Tensor("float32", new Float32Array(0), [rowCount, kvHeadCount, 0, headDim]);
    return Object.fromEntries(this.#keyNames.map((name) => [name, none]));
  }

  /** `count`: positions in use. ONNX Runtime also wants at least as many as there are tokens in the run. */
  #ropeTables(count: number): Feeds {
    if (this.#rope.ensure(count)) {
      const { Tensor } = loadOrt();
      const shape = [this.#rope.positionCount, this.#options.config.headDim / 2];
      this.#ropeFeeds = {
        cos: new Tensor("float32", this.#rope.cos, shape),
        sin: new Tensor("float32", this.#rope.sin, shape),
      };
    }
    return this.#ropeFeeds;
  }
}
