import type { EmbeddingExecutorInfo } from "./embedding-executor.ts";

export interface EmbeddingEngineInfo extends EmbeddingExecutorInfo {
  /** Tokens of the prompts that are computed together; a longer prompt is computed by itself. */
  readonly maxBatchTokens: number;
}

export interface EmbeddingRequest {
  /** Each of 1 to `contextLength` ids below the vocabulary size; at least one prompt. */
  readonly prompts: readonly Uint32Array[];
}

/** A snapshot. Counters only grow. */
export interface EmbeddingMetrics {
  /** Prompts that are being computed, and prompts that wait. */
  readonly runningPrompts: number;
  readonly waitingPrompts: number;
  readonly waitingTokens: number;
  /** Of finished batches. */
  readonly promptTokens: number;
  readonly finishedPrompts: number;
  readonly finishedRequests: number;
  readonly abortedRequests: number;
  readonly batches: number;
}

/**
 * Turns prompts into vectors: embeddings, or the scores of a reranker.
 *
 * Invariants:
 * - vectors come in the order of the prompts, `info.vectorSize` numbers each, whatever shared their batch;
 * - requests take turns: a short one does not wait for the end of a long list;
 * - nothing blocks the caller's thread.
 */
export interface EmbeddingEngine {
  readonly info: EmbeddingEngineInfo;

  /**
   * Rejects with InvalidArgumentError (`param` is `prompts[i]`), OverloadedError when the queue is full,
   * UnavailableError, or CancelledError by the signal, whereupon nothing of the request waits any more.
   */
  embed(request: EmbeddingRequest, options?: { signal?: AbortSignal }): Promise<Float32Array[]>;

  metrics(): EmbeddingMetrics;

  /** Resolves when nothing runs or waits any more; new requests are refused meanwhile. */
  drain(options?: { signal?: AbortSignal }): Promise<void>;

  /** Ends everything now; open requests are rejected with UnavailableError. */
  close(): Promise<void>;
}
