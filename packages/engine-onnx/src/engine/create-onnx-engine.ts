// Starts an engine on a thread of its own and waits until it can take requests.
import { once } from "node:events";
import type { Worker } from "node:worker_threads";
import { connectEngine } from "@dyn/engine";
import { recordToError } from "@dyn/protocol";
import { limitStart, startCancelled } from "./limit-start.ts";
import { OnnxEngine } from "./onnx-engine.ts";
import type { OnnxEngineOptions, OnnxThreadOptions } from "./onnx-engine-options.ts";
import { startThread } from "./start-thread.ts";
import type { StartupMessage } from "./startup-message.ts";

/**
 * Loads a model directory and serves it. Start-up errors come as they were raised on the thread: ModelFileError's
 * codes for files, DYN_REQUEST_INVALID_ARGUMENT for options, DeadlineExceededError after startTimeoutMs,
 * CancelledError by the signal. Whatever fails, the thread is gone.
 */
export async function createOnnxEngine(options: OnnxEngineOptions): Promise<OnnxEngine> {
  const { signal, startTimeoutMs, onLoadPhase, ...threadOptions } = options;
  if (signal?.aborted) throw startCancelled(signal);
  const worker = startThread(
    "engine/onnx",
    threadOptions satisfies OnnxThreadOptions,
    threadOptions.kvTransfer?.port,
  );
  const failed = new Promise<never>((_, reject) => {
    worker.on("message", (message: StartupMessage) => {
      if (message.type === "loadPhase") onLoadPhase?.(message.phase);
      if (message.type === "startFailed") reject(recordToError(message.error));
    });
  });
  const limit = limitStart(startTimeoutMs, signal);
  try {
    const engine = await Promise.race([connectEngine(worker), failed, limit.reached]);
    return new OnnxEngine(engine, () => endThread(worker));
  } catch (error) {
    await worker.terminate();
    throw error;
  } finally {
    limit.clear();
  }
}

/** The thread ends by itself once its engine is closed. */
async function endThread(worker: Worker): Promise<void> {
  if (worker.threadId !== -1) await once(worker, "exit");
}
