// The engine over an executor: who waits, what is computed together, who gets which vector.
import { CancelledError, InvalidArgumentError, OverloadedError } from "@dyn/protocol";
import { ChangeSignal } from "../core/change-signal.ts";
import { closedError, drainingError } from "../core/refusals.ts";
import { untilAborted } from "../core/until-aborted.ts";
import type {
  EmbeddingEngine,
  EmbeddingEngineInfo,
  EmbeddingMetrics,
  EmbeddingRequest,
} from "./embedding-engine.ts";
import type { EmbeddingExecutor } from "./embedding-executor.ts";
import { OpenEmbedding } from "./open-embedding.ts";
import { PromptTurns, type TakenPrompt } from "./prompt-turns.ts";

export interface EmbeddingEngineOptions {
  /** Tokens of a batch. More cost latency and memory, fewer read the weights more often. Default 2048. */
  readonly maxBatchTokens?: number;
  /** Tokens that may wait; what would exceed it is refused, unless nothing waits. Default 4 Mi (16 MiB of memory). */
  readonly maxQueuedTokens?: number;
  /** Requests that may wait; `null` (default): as many as tokens allow. */
  readonly maxQueuedRequests?: number | null;
  /** Told of each batch that was computed. */
  readonly onBatch?: (batch: { readonly prompts: number; readonly tokens: number }) => void;
}

/** The executor has the next batch before it is done with one, so that it never waits for this thread. */
const batchesAhead = 2;

/** The executor is the engine's from here on: it is closed with it. */
export function createEmbeddingEngine(
  executor: EmbeddingExecutor,
  options: EmbeddingEngineOptions = {},
): EmbeddingEngine {
  return new QueuedEmbeddingEngine(executor, options);
}

class QueuedEmbeddingEngine implements EmbeddingEngine {
  readonly info: EmbeddingEngineInfo;
  readonly #executor: EmbeddingExecutor;
  readonly #maxQueuedTokens: number;
  readonly #maxQueuedRequests: number;
  readonly #onBatch: NonNullable<EmbeddingEngineOptions["onBatch"]>;
  readonly #turns = new PromptTurns();
  readonly #open = new Set<OpenEmbedding>();
  readonly #idle = new ChangeSignal();
  readonly #counts = {
    runningPrompts: 0,
    promptTokens: 0,
    finishedPrompts: 0,
    finishedRequests: 0,
    abortedRequests: 0,
    batches: 0,
  };
  #batchesRunning = 0;
  #drains = 0;
  #closing: Promise<void> | null = null;

  constructor(executor: EmbeddingExecutor, options: EmbeddingEngineOptions) {
    const maxBatchTokens = options.maxBatchTokens ?? 2048;
    const maxQueuedTokens = options.maxQueuedTokens ?? 4 * 1024 * 1024;
    requireCount("maxBatchTokens", maxBatchTokens);
    requireCount("maxQueuedTokens", maxQueuedTokens);
    this.info = { ...executor.info, maxBatchTokens };
    this.#executor = executor;
    this.#maxQueuedTokens = maxQueuedTokens;
    this.#maxQueuedRequests = options.maxQueuedRequests ?? Number.POSITIVE_INFINITY;
    this.#onBatch = options.onBatch ?? (() => {});
  }

  async embed(
    { prompts }: EmbeddingRequest,
    { signal }: { signal?: AbortSignal } = {},
  ): Promise<Float32Array[]> {
    if (this.#closing !== null) throw closedError();
    if (this.#drains > 0) throw drainingError();
    if (signal?.aborted) throw new CancelledError(undefined, signal.reason);
    this.#check(prompts);
    const request = new OpenEmbedding(prompts);
    this.#refuseBeyondQueue(request);
    this.#open.add(request);
    this.#turns.add(request);
    const abort = () => {
      this.#counts.abortedRequests += 1;
      this.#drop(request, new CancelledError(undefined, signal?.reason));
    };
    signal?.addEventListener("abort", abort, { once: true });
    this.#advance();
    try {
      return await request.promise;
    } finally {
      signal?.removeEventListener("abort", abort);
    }
  }

  metrics(): EmbeddingMetrics {
    const { waitingPrompts, waitingTokens } = this.#turns;
    return { ...this.#counts, waitingPrompts, waitingTokens };
  }

  async drain(options: { signal?: AbortSignal } = {}): Promise<void> {
    this.#drains++;
    try {
      await untilAborted(this.#untilIdle(), options.signal);
    } finally {
      this.#drains--;
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    for (const request of [...this.#open]) this.#drop(request, closedError());
    await this.#executor.close();
  }

  #check(prompts: readonly Uint32Array[]): void {
    const { contextLength, vocabSize } = this.info;
    if (prompts.length === 0) refuse("prompts", "prompts is empty; give at least one prompt.");
    for (const [i, prompt] of prompts.entries()) {
      const param = `prompts[${i}]`;
      if (prompt.length === 0) refuse(param, `${param} has no tokens; give at least one.`);
      if (prompt.length > contextLength) {
        refuse(
          param,
          `${param} has ${prompt.length} tokens, but this model's context length is ${contextLength}; shorten it, or embed it in parts.`,
        );
      }
      const wrong = prompt.findIndex((id) => id >= vocabSize);
      if (wrong === -1) continue;
      refuse(
        param,
        `${param}[${wrong}] is ${prompt[wrong]}, but the vocabulary ends at ${vocabSize - 1}; was the text encoded with this model's tokenizer?`,
      );
    }
  }

  #refuseBeyondQueue({ waitingTokens }: OpenEmbedding): void {
    const { requestCount, waitingTokens: waiting } = this.#turns;
    if (requestCount === 0) return;
    const isFull =
      requestCount >= this.#maxQueuedRequests || waiting + waitingTokens > this.#maxQueuedTokens;
    if (!isFull) return;
    throw new OverloadedError(
      `The queue is full: ${requestCount} requests with ${waiting} tokens wait; send this one again later.`,
      { code: "DYN_ENGINE_QUEUE_FULL" },
    );
  }

  #advance(): void {
    while (this.#batchesRunning < batchesAhead && this.#turns.requestCount > 0) {
      void this.#run(this.#turns.takeBatch(this.info.maxBatchTokens));
    }
  }

  /** Never rejects: errors are the requests'. */
  async #run(batch: readonly TakenPrompt[]): Promise<void> {
    const prompts = batch.map(({ request, index }) => request.prompts[index]!);
    const lengths = Int32Array.from(prompts, ({ length }) => length);
    const tokenIds = new Int32Array(lengths.reduce((sum, length) => sum + length, 0));
    let at = 0;
    for (const prompt of prompts) {
      tokenIds.set(prompt, at);
      at += prompt.length;
    }
    const tokens = tokenIds.length;
    this.#batchesRunning += 1;
    this.#counts.runningPrompts += batch.length;
    try {
      const vectors = await this.#executor.embed({ tokenIds, lengths });
      this.#counts.batches += 1;
      this.#counts.promptTokens += tokens;
      this.#onBatch({ prompts: batch.length, tokens });
      this.#hand(batch, vectors);
    } catch (error) {
      for (const { request } of batch) if (!request.isOver) this.#drop(request, error);
    } finally {
      this.#batchesRunning -= 1;
      this.#counts.runningPrompts -= batch.length;
      this.#advance();
      if (this.#batchesRunning === 0) this.#idle.emit();
    }
  }

  #hand(batch: readonly TakenPrompt[], vectors: Float32Array): void {
    const { vectorSize } = this.info;
    for (const [i, { request, index }] of batch.entries()) {
      this.#counts.finishedPrompts += 1;
      if (!request.put(index, vectors.slice(i * vectorSize, (i + 1) * vectorSize))) continue;
      this.#open.delete(request);
      this.#counts.finishedRequests += 1;
    }
  }

  #drop(request: OpenEmbedding, error: unknown): void {
    this.#turns.remove(request);
    this.#open.delete(request);
    request.fail(error);
  }

  #untilIdle(): Promise<void> {
    return this.#batchesRunning === 0 ? Promise.resolve() : this.#idle.next();
  }
}

function requireCount(param: string, value: number): void {
  if (Number.isSafeInteger(value) && value >= 1) return;
  refuse(param, `${param} is ${value}; it must be a whole number, at least 1.`);
}

function refuse(param: string, message: string): never {
  throw new InvalidArgumentError(message, { param });
}
