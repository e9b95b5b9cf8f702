// Long prompts on threads, short ones at once. Must never encode a long text on the caller's thread.
import { availableParallelism } from "node:os";
import { CancelledError, OverloadedError, UnavailableError } from "@dyn/protocol";
import type { EncodeOptions, Tokenizer } from "../contract/tokenizer.ts";
import type { TokenizerPool } from "../contract/tokenizer-pool.ts";
import { loadTokenizer } from "../load-tokenizer.ts";
import { type ThreadJob, TokenizerThread } from "./tokenizer-thread.ts";

export interface TokenizerPoolOptions {
  /** Holds tokenizer.json; each thread loads it with its first job. */
  readonly directory: string;
  /** The same tokenizer where it is loaded already: encodes the short texts. Default: loaded on first use. */
  readonly tokenizer?: Tokenizer | undefined;
  /** Most threads; one starts when a job finds none idle. Default: the processors less one, 1 to 4. */
  readonly threads?: number | undefined;
  /** Texts of up to this many UTF-8 bytes are encoded on the caller's thread. Default 16 KiB. */
  readonly inlineLimitBytes?: number | undefined;
  /** Texts that may wait for a thread; one more is refused with OverloadedError. Default 256. */
  readonly maxQueued?: number | undefined;
}

export function createTokenizerPool(options: TokenizerPoolOptions): TokenizerPool {
  return new ThreadPool(options);
}

class ThreadPool implements TokenizerPool {
  readonly #directory: string;
  readonly #threadLimit: number;
  readonly #inlineLimitBytes: number;
  readonly #maxQueued: number;
  readonly #threads = new Set<TokenizerThread>();
  readonly #queue: ThreadJob[] = [];
  readonly #jobs = new Set<ThreadJob>();
  #tokenizer: Promise<Tokenizer> | null;
  #isClosed = false;

  constructor(options: TokenizerPoolOptions) {
    this.#directory = options.directory;
    this.#threadLimit = options.threads ?? Math.min(4, Math.max(1, availableParallelism() - 1));
    this.#inlineLimitBytes = options.inlineLimitBytes ?? 16 * 1024;
    this.#maxQueued = options.maxQueued ?? 256;
    this.#tokenizer = options.tokenizer === undefined ? null : Promise.resolve(options.tokenizer);
  }

  async encode(
    text: string,
    options: EncodeOptions & { signal?: AbortSignal } = {},
  ): Promise<Uint32Array> {
    const { signal } = options;
    if (this.#isClosed) throw closedError();
    if (signal?.aborted) throw new CancelledError(undefined, signal.reason);
    const addSpecialTokens = options.addSpecialTokens === true;
    if (!this.#isShort(text)) return this.#enqueue(text, addSpecialTokens, signal);
    const tokenizer = await this.#load();
    if (signal?.aborted) throw new CancelledError(undefined, signal.reason);
    return tokenizer.encode(text, { addSpecialTokens });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#queue.length = 0;
    for (const job of [...this.#jobs]) job.reject(closedError());
    await Promise.all([...this.#threads].map((thread) => thread.close()));
  }

  #isShort(text: string): boolean {
    if (text.length > this.#inlineLimitBytes) return false;
    return (
      text.length * 3 <= this.#inlineLimitBytes || Buffer.byteLength(text) <= this.#inlineLimitBytes
    );
  }

  /** A load that failed is not kept: the file may be there the next time. */
  #load(): Promise<Tokenizer> {
    this.#tokenizer ??= loadTokenizer(this.#directory).catch((error: unknown) => {
      this.#tokenizer = null;
      throw error;
    });
    return this.#tokenizer;
  }

  #enqueue(text: string, addSpecialTokens: boolean, signal?: AbortSignal): Promise<Uint32Array> {
    if (this.#queue.length >= this.#maxQueued) {
      throw new OverloadedError(
        `${this.#queue.length} long prompts wait for a tokenizer thread already; try again later.`,
        { code: "DYN_TOKENIZER_QUEUE_FULL" },
      );
    }
    return new Promise((resolve, reject) => {
      let wasLost = false;
      const settle = (): void => {
        this.#jobs.delete(job);
        signal?.removeEventListener("abort", onAbort);
      };
      const onAbort = (): void => {
        const at = this.#queue.indexOf(job);
        if (at >= 0) this.#queue.splice(at, 1);
        job.reject(new CancelledError(undefined, signal?.reason));
      };
      const job: ThreadJob = {
        text,
        addSpecialTokens,
        resolve: (ids) => {
          settle();
          resolve(ids);
        },
        reject: (error) => {
          settle();
          reject(error);
        },
        lose: (cause) => {
          if (!this.#jobs.has(job)) return;
          if (wasLost) {
            job.reject(
              new UnavailableError("Two tokenizer threads died over this prompt.", {
                code: "DYN_TOKENIZER_THREAD_DIED",
                cause,
              }),
            );
            return;
          }
          wasLost = true;
          this.#queue.unshift(job);
          this.#dispatch();
        },
      };
      this.#jobs.add(job);
      signal?.addEventListener("abort", onAbort, { once: true });
      this.#queue.push(job);
      this.#dispatch();
    });
  }

  #dispatch(): void {
    while (this.#queue.length > 0) {
      const thread = [...this.#threads].find((each) => each.isIdle) ?? this.#start();
      if (thread === null) return;
      thread.run(this.#queue.shift()!);
    }
  }

  /** null: as many run as may. */
  #start(): TokenizerThread | null {
    if (this.#isClosed || this.#threads.size >= this.#threadLimit) return null;
    const thread = new TokenizerThread(
      { directory: this.#directory },
      () => this.#dispatch(),
      (dead) => {
        this.#threads.delete(dead);
        this.#dispatch();
      },
    );
    this.#threads.add(thread);
    return thread;
  }
}

function closedError(): UnavailableError {
  return new UnavailableError("The tokenizer pool is closed.", { code: "DYN_TOKENIZER_CLOSED" });
}
