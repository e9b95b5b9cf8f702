// A worker of honest timing on a simulated clock: prefill and decode take what real ones of that speed take, the cache holds
// so many blocks and drops the least recently used leaf.
import { toBlockKeys } from "@dyn/router";

export const prefillMsPerToken = 0.1;
export const decodeMsPerStep = 10;
const mostBatchedTokens = 8192;

export interface SimulatedRequest {
  readonly id: string;
  readonly arrivesMs: number;
  readonly tokens: Uint32Array;
  readonly sequenceHashes: BigUint64Array;
  readonly localHashes: BigUint64Array;
  readonly outputTokens: number;
}

export interface WorkerListener {
  firstToken(request: SimulatedRequest, cachedTokens: number, nowMs: number): void;
  ended(request: SimulatedRequest, nowMs: number): void;
  stored(first: number, request: SimulatedRequest): void;
  removed(hashes: BigUint64Array): void;
}

interface Running {
  readonly request: SimulatedRequest;
  left: number;
}

export class SimulatedWorker {
  readonly #capacity: number;
  readonly #blockSize: number;
  readonly #listener: WorkerListener;
  /** Least recently used first; a path is touched from its end, so that ends leave before beginnings. */
  readonly #cache = new Map<number, bigint>();
  #waiting: SimulatedRequest[] = [];
  #running: Running[] = [];
  #batch: { readonly request: SimulatedRequest; readonly cachedTokens: number }[] = [];
  /** When the present step is over; Infinity = idle. */
  nextMs = Number.POSITIVE_INFINITY;
  requestCount = 0;

  constructor(capacityBlocks: number, blockSize: number, listener: WorkerListener) {
    this.#capacity = capacityBlocks;
    this.#blockSize = blockSize;
    this.#listener = listener;
  }

  accept(request: SimulatedRequest, nowMs: number): void {
    this.requestCount += 1;
    this.#waiting.push(request);
    if (this.nextMs === Number.POSITIVE_INFINITY) this.#begin(nowMs);
  }

  /** The step that ends at `nextMs`. */
  finishStep(): void {
    const nowMs = this.nextMs;
    if (this.#batch.length > 0) {
      for (const { request, cachedTokens } of this.#batch) {
        this.#store(request);
        this.#listener.firstToken(request, cachedTokens, nowMs);
        this.#running.push({ request, left: request.outputTokens - 1 });
      }
      this.#batch = [];
    } else {
      for (const running of this.#running) running.left -= 1;
    }
    for (const { request, left } of this.#running) {
      if (left <= 0) this.#listener.ended(request, nowMs);
    }
    this.#running = this.#running.filter(({ left }) => left > 0);
    this.#begin(nowMs);
  }

  #begin(nowMs: number): void {
    let uncached = 0;
    while (this.#waiting.length > 0 && uncached < mostBatchedTokens) {
      const request = this.#waiting.shift()!;
      const cachedTokens = this.#match(request) * this.#blockSize;
      this.#batch.push({ request, cachedTokens });
      uncached += request.tokens.length - cachedTokens;
    }
    if (this.#batch.length > 0) this.nextMs = nowMs + uncached * prefillMsPerToken;
    else
      this.nextMs = this.#running.length > 0 ? nowMs + decodeMsPerStep : Number.POSITIVE_INFINITY;
  }

  #match({ sequenceHashes }: SimulatedRequest): number {
    const keys = toBlockKeys(sequenceHashes);
    let count = 0;
    while (count < keys.length && this.#cache.has(keys[count]!)) count += 1;
    for (let i = count - 1; i >= 0; i--) this.#touch(keys[i]!, sequenceHashes[i]!);
    return count;
  }

  #store(request: SimulatedRequest): void {
    const { sequenceHashes } = request;
    const keys = toBlockKeys(sequenceHashes);
    let first = 0;
    while (first < keys.length && this.#cache.has(keys[first]!)) first += 1;
    for (let i = keys.length - 1; i >= 0; i--) this.#touch(keys[i]!, sequenceHashes[i]!);
    if (first < keys.length) this.#listener.stored(first, request);
    const removed: bigint[] = [];
    for (const [key, hash] of this.#cache) {
      if (this.#cache.size <= this.#capacity) break;
      this.#cache.delete(key);
      removed.push(hash);
    }
    if (removed.length > 0) this.#listener.removed(BigUint64Array.from(removed));
  }

  #touch(key: number, hash: bigint): void {
    this.#cache.delete(key);
    this.#cache.set(key, hash);
  }
}
