// Starts an embedding engine on a thread of its own and waits until it can take requests.
import {
  createEmbeddingEngine,
  type EmbeddingEngine,
  type EmbeddingEngineOptions,
  type EmbeddingExecutorInfo,
} from "@dyn/engine";
import { recordToError, UnavailableError } from "@dyn/protocol";
import { limitStart, startCancelled } from "../engine/limit-start.ts";
import { startThread } from "../engine/start-thread.ts";
import type { LoadPhase } from "../executor/load-phase.ts";
import type { MessageFromEmbedder } from "./embedding-messages.ts";
import type { EmbeddingModelOptions } from "./load-embedding-model.ts";
import { ThreadExecutor } from "./thread-executor.ts";

export interface OnnxEmbeddingEngineOptions extends EmbeddingModelOptions, EmbeddingEngineOptions {
  /** Ends a start that is under way. */
  readonly signal?: AbortSignal;
  /** How long the model may take to load. Default 600 000. */
  readonly startTimeoutMs?: number;
  /** Told as each phase of loading ends. */
  readonly onLoadPhase?: (phase: LoadPhase) => void;
}

/**
 * Loads a decoder that makes vectors, pooled as its directory says, or the logits of given tokens. Start-up errors come
 * as they were raised on the thread, as those of createOnnxEngine do. Whatever fails, the thread is gone.
 */
export async function createOnnxEmbeddingEngine(
  options: OnnxEmbeddingEngineOptions,
): Promise<EmbeddingEngine> {
  const { signal, startTimeoutMs, onLoadPhase } = options;
  const { maxBatchTokens, maxQueuedTokens, maxQueuedRequests, onBatch, ...rest } = options;
  const { signal: _, startTimeoutMs: __, onLoadPhase: ___, ...model } = rest;
  if (signal?.aborted) throw startCancelled(signal);
  const worker = startThread("embedding/embedding", model satisfies EmbeddingModelOptions);
  const limit = limitStart(startTimeoutMs, signal);
  const ready = new Promise<EmbeddingExecutorInfo>((resolve, reject) => {
    worker.on("message", (message: MessageFromEmbedder) => {
      if (message.type === "loadPhase") onLoadPhase?.(message.phase);
      if (message.type === "startFailed") reject(recordToError(message.error));
      if (message.type === "ready") resolve(message.info);
    });
    worker.once("error", reject);
    worker.once("exit", (code) => reject(endedEarly(code)));
  });
  try {
    const info = await Promise.race([ready, limit.reached]);
    return createEmbeddingEngine(new ThreadExecutor(worker, info), {
      ...(maxBatchTokens === undefined ? {} : { maxBatchTokens }),
      ...(maxQueuedTokens === undefined ? {} : { maxQueuedTokens }),
      ...(maxQueuedRequests === undefined ? {} : { maxQueuedRequests }),
      ...(onBatch === undefined ? {} : { onBatch }),
    });
  } catch (error) {
    await worker.terminate();
    throw error;
  } finally {
    limit.clear();
  }
}

function endedEarly(code: number): UnavailableError {
  return new UnavailableError(`The engine thread ended with code ${code} while it loaded.`, {
    code: "DYN_ENGINE_THREAD_DIED",
  });
}
