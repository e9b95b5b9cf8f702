// Long prompts on threads, short ones at once, and what was encoded before not again.
// Must never encode a long text on the caller's thread.
import { availableParallelism } from "node:os";
import { CancelledError, OverloadedError, UnavailableError } from "@dyn/protocol";
import { EncodingCache } from "../cache/encoding-cache.ts";
import type { EncodeOptions, Tokenizer } from "../contract/tokenizer.ts";
import type { TokenizerPool } from "../contract/tokenizer-pool.ts";
import { loadTokenizer } from "../load-tokenizer.ts";
import { type EncodingOrigin, PromptParts } from "./prompt-parts.ts";
import type { TokenizeJob } from "./tokenize-message.ts";
import { type ThreadJob, TokenizerThread } from "./tokenizer-thread.ts";

export interface TokenizerPoolOptions {
  /** Holds tokenizer.json; each thread loads it with its first job. */
  readonly directory: string;
  /** The same tokenizer where it is loaded already: encodes the short texts. Default: loaded for the first of them. */
  readonly tokenizer?: Tokenizer | undefined;
  /** Most threads; one starts when a job finds none idle. Default: the processors less one, 1 to 4. */
  readonly threads?: number | undefined;
  /** Texts of up to this many UTF-8 bytes are encoded on the caller's thread. Default 16 KiB. */
  readonly inlineLimitBytes?: number | undefined;
  /** Texts that may wait for a thread; one more is refused with OverloadedError. Default 256. */
  readonly maxQueued?: number | undefined;
  /**
   * Bytes of ids that are kept of what was encoded, part by part between added tokens: a chat that goes on has
   * only its last turn encoded. In use once the tokenizer is loaded. 0 = none. Default 64 MiB.
   */
  readonly cacheBytes?: number | undefined;
  /** Told of each text: how much of it was kept. Not called without a cache. */
  readonly onEncoded?: ((origin: EncodingOrigin) => void) | undefined;
}

/** A longer text would take over 5 ms to cut and to look up; it goes to a thread as it is. */
const maxCutLength = 4 * 1024 * 1024;

/** A thread begins when a text needs one; `close` ends them. */
export function createTokenizerPool(options: TokenizerPoolOptions): TokenizerPool {
  return new ThreadPool(options);
}

class ThreadPool implements TokenizerPool {
  readonly #directory: string;
  readonly #threadLimit: number;
  readonly #inlineLimitBytes: number;
  readonly #maxQueued: number;
  readonly #cache: EncodingCache | null;
  readonly #onEncoded: ((origin: EncodingOrigin) => void) | null;
  readonly #threads = new Set<TokenizerThread>();
  readonly #queue: ThreadJob[] = [];
  readonly #jobs = new Set<ThreadJob>();
  #tokenizer: Tokenizer | null;
  #loading: Promise<Tokenizer> | null = null;
  #isClosed = false;

  constructor(options: TokenizerPoolOptions) {
    this.#directory = options.directory;
    this.#threadLimit = options.threads ?? Math.min(4, Math.max(1, availableParallelism() - 1));
    this.#inlineLimitBytes = options.inlineLimitBytes ?? 16 * 1024;
    this.#maxQueued = options.maxQueued ?? 256;
    const maxBytes = options.cacheBytes ?? 64 * 1024 * 1024;
    this.#cache = maxBytes > 0 ? new EncodingCache({ maxBytes }) : null;
    this.#onEncoded = options.onEncoded ?? null;
    this.#tokenizer = options.tokenizer ?? null;
  }

  async encode(
    text: string,
    options: EncodeOptions & { signal?: AbortSignal } = {},
  ): Promise<Uint32Array> {
    const { signal } = options;
    if (this.#isClosed) throw closedError();
    if (signal?.aborted) throw new CancelledError(undefined, signal.reason);
    const addSpecialTokens = options.addSpecialTokens === true;
    if (this.#tokenizer === null && this.#isShort([{ text }])) {
      await this.#load();
      if (signal?.aborted) throw new CancelledError(undefined, signal.reason);
    }
    const tokenizer = this.#tokenizer;
    if (tokenizer !== null && this.#cache !== null && text.length <= maxCutLength) {
      const parts = tokenizer.split(text, { addSpecialTokens });
      if (parts !== null) {
        return this.#complete(new PromptParts(this.#cache, parts), tokenizer, signal);
      }
    }
    if (tokenizer !== null && this.#isShort([{ text }])) {
      return tokenizer.encode(text, { addSpecialTokens });
    }
    return (await this.#enqueue({ text, addSpecialTokens }, signal))[0]!;
  }

  async #complete(
    prompt: PromptParts,
    tokenizer: Tokenizer,
    signal: AbortSignal | undefined,
  ): Promise<Uint32Array> {
    const parts = prompt.missing;
    const found = this.#isShort(parts)
      ? parts.map((part) => tokenizer.encodePart(part))
      : await this.#enqueue({ parts }, signal);
    const { ids, origin } = prompt.complete(found);
    this.#onEncoded?.(origin);
    return ids;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#queue.length = 0;
    for (const job of [...this.#jobs]) job.reject(closedError());
    await Promise.all([...this.#threads].map((thread) => thread.close()));
  }

  #isShort(parts: readonly { readonly text: string }[]): boolean {
    let length = 0;
    for (const { text } of parts) length += text.length;
    if (length > this.#inlineLimitBytes) return false;
    if (length * 3 <= this.#inlineLimitBytes) return true;
    let size = 0;
    for (const { text } of parts) size += Buffer.byteLength(text);
    return size <= this.#inlineLimitBytes;
  }

  /** A load that failed is not kept: the file may be there the next time. */
  async #load(): Promise<void> {
    this.#loading ??= loadTokenizer(this.#directory).finally(() => {
      this.#loading = null;
    });
    this.#tokenizer = await this.#loading;
  }

  #enqueue(task: TokenizeJob, signal?: AbortSignal): Promise<readonly Uint32Array[]> {
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
        task,
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
