// The asking side of the embedding thread.
import type { Worker } from "node:worker_threads";
import type { EmbeddingBatch, EmbeddingExecutor, EmbeddingExecutorInfo } from "@dyn/engine";
import { recordToError, UnavailableError } from "@dyn/protocol";
import type { MessageFromEmbedder, MessageToEmbedder } from "./embedding-messages.ts";

interface Waiter {
  readonly resolve: (vectors: Float32Array) => void;
  readonly reject: (error: unknown) => void;
}

export class ThreadExecutor implements EmbeddingExecutor {
  readonly info: EmbeddingExecutorInfo;
  readonly #worker: Worker;
  readonly #exited: Promise<void>;
  /** In the order in which they were asked. The engine asks for two batches ahead. */
  readonly #waiters: Waiter[] = [];
  #gone: unknown = null;

  constructor(worker: Worker, info: EmbeddingExecutorInfo) {
    this.#worker = worker;
    this.info = info;
    worker.on("message", (message: MessageFromEmbedder) => this.#receive(message));
    worker.on("error", (error) => this.#die(error));
    this.#exited = new Promise((resolve) => {
      worker.on("exit", (code) => {
        this.#die(new Error(`exit code ${code}`));
        resolve();
      });
    });
  }

  embed(batch: EmbeddingBatch): Promise<Float32Array> {
    if (this.#gone !== null) return Promise.reject(this.#gone);
    return new Promise((resolve, reject) => {
      this.#waiters.push({ resolve, reject });
      this.#tell({ type: "embed", batch });
    });
  }

  /** A batch that is being computed is finished first: ONNX Runtime cannot be stopped in it. */
  async close(): Promise<void> {
    this.#tell({ type: "close" });
    await this.#exited;
  }

  #tell(message: MessageToEmbedder): void {
    if (this.#gone === null) this.#worker.postMessage(message);
  }

  #receive(message: MessageFromEmbedder): void {
    if (message.type === "vectors") this.#waiters.shift()?.resolve(message.vectors);
    if (message.type === "failed") this.#waiters.shift()?.reject(recordToError(message.error));
  }

  #die(cause: Error): void {
    if (this.#gone !== null) return;
    this.#gone = new UnavailableError(`The engine thread died: ${cause.message}.`, {
      code: "DYN_ENGINE_THREAD_DIED",
      cause,
    });
    for (const { reject } of this.#waiters.splice(0)) reject(this.#gone);
  }
}
