// One thread and the job that it has in hand. It never has two: what waits, waits in the pool.

import type { Worker } from "node:worker_threads";
import { recordToError } from "@dyn/protocol";
import { startThread } from "./start-thread.ts";
import type { ThreadData, TokenizeJob, TokenizeResult } from "./tokenize-message.ts";

export interface ThreadJob {
  readonly task: TokenizeJob;
  resolve(ids: readonly Uint32Array[]): void;
  reject(error: unknown): void;
  /** The thread died under the job. */
  lose(cause: unknown): void;
}

export class TokenizerThread {
  readonly #worker: Worker;
  readonly #onIdle: () => void;
  readonly #onDead: (thread: TokenizerThread) => void;
  #job: ThreadJob | null = null;
  #isDead = false;

  constructor(data: ThreadData, onIdle: () => void, onDead: (thread: TokenizerThread) => void) {
    this.#onIdle = onIdle;
    this.#onDead = onDead;
    this.#worker = startThread(data);
    this.#worker.on("message", (result: TokenizeResult) => this.#finish(result));
    this.#worker.on("error", (error) => this.#die(error));
    this.#worker.on("exit", (code) => this.#die(new Error(`The thread ended with code ${code}.`)));
  }

  get isIdle(): boolean {
    return this.#job === null && !this.#isDead;
  }

  run(job: ThreadJob): void {
    this.#job = job;
    this.#worker.ref();
    this.#worker.postMessage(job.task);
  }

  /** Ends the thread; a job in hand is lost. */
  async close(): Promise<void> {
    await this.#worker.terminate();
  }

  #finish(result: TokenizeResult): void {
    const job = this.#job;
    this.#job = null;
    this.#worker.unref();
    if ("ids" in result) job?.resolve(result.ids);
    else job?.reject(recordToError(result.error));
    this.#onIdle();
  }

  #die(cause: unknown): void {
    if (this.#isDead) return;
    this.#isDead = true;
    const job = this.#job;
    this.#job = null;
    this.#onDead(this);
    job?.lose(cause);
  }
}
