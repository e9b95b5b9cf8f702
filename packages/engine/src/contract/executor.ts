// What computes. One thread owns an executor; the scheduler of that thread is its only caller.
import type { WeightSource } from "./engine-control.ts";
import type { KvStore } from "./kv-store.ts";
import type { SamplingParams } from "./sampling-params.ts";

export interface ExecutorInfo {
  readonly kind: string;
  readonly dtype: string;
  readonly vocabSize: number;
  readonly contextLength: number;
  readonly pageSize: number;
  /** Pages that sequences can use: ids 0 .. pageCount - 1. */
  readonly pageCount: number;
  readonly kvBytesPerToken: number;
  readonly weightBytes: number;
}

/**
 * One step over several sequences, as flat integer arrays that a device can take as they are.
 * The arrays are views of reused buffers: valid until the step's promise settles.
 * A batch is all prefill or all decode: decodes are never padded to a prefill.
 *
 * Invariants:
 * - rows are distinct sequences; a row's pages 0 .. ceil((past + new) / pageSize) - 1 are in its table;
 * - pages that hold only past tokens may be shared between rows and are not written;
 * - a decode row has exactly one new token.
 */
export interface ForwardBatch {
  readonly kind: "prefill" | "decode";
  readonly rowCount: number;
  /** New tokens of all rows, one row after the other. [tokenCount] */
  readonly tokenIds: Int32Array;
  /** New tokens per row. [rowCount] */
  readonly newLengths: Int32Array;
  /** Tokens per row whose KV is already in its pages. [rowCount] */
  readonly pastLengths: Int32Array;
  /** Page ids per row, -1 behind the last. [rowCount, pagesPerRow] row-major */
  readonly pageTable: Int32Array;
  readonly pagesPerRow: number;
  /** Indexes into tokenIds whose logits are wanted, ascending. [logitCount] */
  readonly logitPositions: Int32Array;
  /** Stable small integers, one per live sequence, for executors that keep state beside the pages. [rowCount] */
  readonly sequenceIds: Int32Array;
  /** Per logit position, for executors that sample on their device. */
  readonly sampling: readonly RowSampling[];
  /** Somebody needs the logits themselves (log-probabilities, a grammar): an executor that samples on its device must return logits for this step. */
  readonly logitsRequired?: boolean;
}

export interface RowSampling {
  readonly params: SamplingParams;
  readonly seed: number;
  readonly step: number;
}

export type StepResult =
  /** [logitCount, vocabSize] row-major; valid until the next step. The caller samples, and may write into it. */
  | { readonly kind: "logits"; readonly logits: Float32Array }
  /** Sampled on the device. [logitCount] */
  | { readonly kind: "tokens"; readonly tokenIds: Int32Array };

export interface Executor {
  readonly info: ExecutorInfo;
  /** Absent: its KV cannot leave it, so it takes no part in disaggregated serving. */
  readonly kv?: KvStore;
  /** Steps do not overlap: the caller waits for one before it gives the next. */
  step(batch: ForwardBatch): Promise<StepResult>;
  /**
   * The sequence ended or was retracted: state beside the pages goes. Pages belong to the caller. One whose KV came from
   * another engine may end before any step of it was computed.
   */
  releaseSequence(sequenceId: number): void;
  /** Weights leave memory; steps are refused until resumed. Idempotent. */
  releaseWeights(): Promise<void>;
  resumeWeights(): Promise<void>;
  /** Absent: its weights are what they were at the start. */
  readonly weights?: ReplaceableWeights;
  /** Nobody holds a page: their memory goes back to the system, and comes again as pages are written. */
  releaseKv?(): void;
  close(): Promise<void>;
}

export interface ReplaceableWeights {
  /**
   * Checks the source against the model; `resumeWeights` loads it from now on. `undo` makes that the old ones again,
   * `commit` forgets those. Throws, and changes nothing, when the source does not fit.
   */
  prepare(source: WeightSource): Promise<{ undo(): void; commit(): void }>;
}
