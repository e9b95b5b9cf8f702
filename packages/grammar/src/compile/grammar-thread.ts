// One thread and its jobs, one after the other. A job that takes too long ends with its thread; the next gets a new one.
import type { Worker } from "node:worker_threads";
import { CancelledError, OverloadedError, recordToError, UnavailableError } from "@dyn/protocol";
import type { GrammarAnswer, GrammarJob } from "./compile-message.ts";
import { startThread } from "./start-thread.ts";

export interface ThreadLimits {
  /** Of one job, from when the thread is ready for it. */
  readonly timeoutMs: number;
  readonly timeoutError: () => Error;
  /** Jobs that wait; one more is refused with OverloadedError. */
  readonly maxQueued: number;
}

interface Waiting {
  readonly job: GrammarJob;
  resolve(answer: GrammarAnswer): void;
  reject(error: unknown): void;
}

export class GrammarThread {
  readonly #limits: ThreadLimits;
  readonly #queue: Waiting[] = [];
  #worker: Worker | null = null;
  #isReady = false;
  #current: Waiting | null = null;
  #timer: NodeJS.Timeout | null = null;
  #isClosed = false;

  constructor(limits: ThreadLimits) {
    this.#limits = limits;
  }

  /** Rejects with the job's own error, the timeout error, or UnavailableError when the thread died. */
  run(job: GrammarJob): Promise<GrammarAnswer> {
    if (this.#isClosed) return Promise.reject(closedError());
    if (this.#queue.length >= this.#limits.maxQueued) {
      return Promise.reject(
        new OverloadedError(
          `${this.#queue.length} grammars wait to be compiled already; try again later.`,
          { code: "DYN_GRAMMAR_QUEUE_FULL" },
        ),
      );
    }
    return new Promise((resolve, reject) => {
      this.#queue.push({ job, resolve, reject });
      this.#next();
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const { reject } of this.#queue.splice(0)) reject(closedError());
    await this.#stop(closedError());
  }

  #next(): void {
    if (this.#current !== null) return;
    const next = this.#queue.shift();
    if (next === undefined) {
      this.#worker?.unref();
      return;
    }
    this.#current = next;
    this.#worker ??= this.#start();
    this.#worker.ref();
    if (this.#isReady) this.#startTimer();
    this.#worker.postMessage(next.job);
  }

  #start(): Worker {
    const worker = startThread();
    this.#isReady = false;
    worker.on("message", (answer: GrammarAnswer) => {
      if (this.#worker !== worker) return;
      if (answer.type !== "ready") this.#settle(({ resolve }) => resolve(answer));
      else {
        this.#isReady = true;
        if (this.#current !== null) this.#startTimer();
      }
    });
    const die = (cause: unknown) => {
      if (this.#worker === worker) void this.#stop(diedError(cause));
    };
    worker.on("error", die);
    worker.on("exit", (code) => die(new Error(`exit code ${code}`)));
    return worker;
  }

  #startTimer(): void {
    this.#timer ??= setTimeout(
      () => void this.#stop(this.#limits.timeoutError()),
      this.#limits.timeoutMs,
    );
  }

  /** The thread ends, and with it the job in hand. */
  async #stop(error: Error): Promise<void> {
    const worker = this.#worker;
    this.#worker = null;
    this.#settle(({ reject }) => reject(error));
    await worker?.terminate();
  }

  #settle(tell: (waiting: Waiting) => void): void {
    const current = this.#current;
    this.#current = null;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (current !== null) tell(current);
    if (!this.#isClosed) this.#next();
  }
}

/** The answer itself; throws the error that it brings. */
export function demandAnswer<T extends GrammarAnswer["type"]>(
  answer: GrammarAnswer,
  type: T,
): GrammarAnswer & { type: T } {
  if (answer.type === "failed") throw recordToError(answer.error);
  if (answer.type !== type) throw new TypeError(`A grammar thread answered ${answer.type}.`);
  return answer as GrammarAnswer & { type: T };
}

export function cancelledError(signal: AbortSignal | undefined): CancelledError {
  return new CancelledError(undefined, signal?.reason);
}

function closedError(): UnavailableError {
  return new UnavailableError("The grammar compiler is closed.", { code: "DYN_GRAMMAR_CLOSED" });
}

function diedError(cause: unknown): UnavailableError {
  return new UnavailableError("The grammar thread died.", {
    code: "DYN_GRAMMAR_THREAD_DIED",
    cause,
  });
}
