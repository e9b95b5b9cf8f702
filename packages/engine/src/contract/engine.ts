import type { EngineDisaggregation, HandOverMetrics } from "./disaggregation.ts";
import type { EngineCommand, EngineControlState } from "./engine-control.ts";
import type { GenerateOutput } from "./engine-output.ts";
import type { GenerateRequest } from "./generate-request.ts";
import type { KvEventBatch } from "./kv-event.ts";
import type { KvLayout } from "./kv-store.ts";

/** What an engine is, known once it is ready. */
export interface EngineInfo {
  /** `onnx`, `mock`, ... */
  readonly kind: string;
  /** Type of the weights as computed with: `f32`, `q8`. */
  readonly dtype: string;
  readonly vocabSize: number;
  /** Prompt and answer together, in tokens. */
  readonly contextLength: number;
  readonly pageSize: number;
  /** KV capacity in pages. */
  readonly pageCount: number;
  readonly maxRunningRequests: number;
  /** Bytes of KV per token; 0 when nothing is stored. */
  readonly kvBytesPerToken: number;
  readonly weightBytes: number;
  /** `null`: requests with `disaggregation` are refused. */
  readonly disaggregation: EngineDisaggregation | null;
  /** Of the KV that it hands over or takes over; `null`: it cannot. */
  readonly kvLayout: KvLayout | null;
}

/** A snapshot, made at most once per step. Counters only grow. */
export interface EngineMetrics {
  /** Choices that hold pages, and choices that wait; the counters below count requests. */
  readonly runningRequests: number;
  readonly waitingRequests: number;
  /** Pages by who holds them: free + cached + used = total. */
  readonly pagesTotal: number;
  readonly pagesFree: number;
  /** Held by the cache alone: can be evicted. */
  readonly pagesCached: number;
  /** Locked by requests. */
  readonly pagesUsed: number;
  readonly promptTokens: number;
  readonly cachedTokens: number;
  readonly generatedTokens: number;
  readonly finishedRequests: number;
  readonly abortedRequests: number;
  readonly retractions: number;
  readonly prefillSteps: number;
  readonly decodeSteps: number;
  /** Generated tokens per second over the last decode interval. */
  readonly generationThroughput: number;
  /** `null` as in EngineInfo. */
  readonly handOver: HandOverMetrics | null;
}

/**
 * An inference engine.
 *
 * Invariants:
 * - every accepted request ends in exactly one finish per choice, whatever happens;
 * - when an iterable of `generate` is left (return, throw) the request is aborted and all it holds is freed;
 * - token ids are numbers below `info.vocabSize`;
 * - nothing blocks the caller's thread.
 */
export interface Engine {
  readonly info: EngineInfo;

  /**
   * Outputs of all choices come through the one iterable. The request is submitted when iteration begins;
   * a refusal (InvalidArgumentError, OverloadedError when the queue is full, UnavailableError) is what the
   * first next() rejects with. What a slow consumer has not taken is joined into one output per choice.
   * Aborted by the signal, every open choice still gets its finish, of type `abort`.
   */
  generate(
    request: GenerateRequest,
    options?: { signal?: AbortSignal },
  ): AsyncIterable<GenerateOutput>;

  /** Ends a request at any moment, also while it waits. Unknown ids are ignored. */
  abort(requestId: string, message?: string): void;
  abortAll(message?: string): void;

  metrics(): EngineMetrics;

  /** Returns the function that ends the subscription. */
  onKvEvents(listener: (batch: KvEventBatch) => void): () => void;

  /** Empties the cache; `false` when requests are running or waiting. */
  flushCache(): Promise<boolean>;

  /** Commands run one after the other. Rejects, with the engine as it was, when one cannot be done. */
  control(command: EngineCommand): Promise<EngineControlState>;

  /** Resolves when nothing runs or waits any more; new requests are refused meanwhile. */
  drain(options?: { signal?: AbortSignal }): Promise<void>;

  /** Ends everything now; running requests finish as aborted. */
  close(): Promise<void>;
}
