import { rateLimited } from "../errors/gateway-errors.ts";
import type { ApiKeyEntry } from "./api-key.ts";
import { TokenBucket } from "./token-bucket.ts";

/** The holder of one key: what it has taken of what it may. */
export class Tenant {
  readonly name: string;
  readonly isAdmin: boolean;
  readonly priority: number | null;
  readonly cacheSalt: string | null;
  readonly #concurrentLimit: number;
  readonly #requests: TokenBucket | null;
  readonly #tokens: TokenBucket | null;
  #running = 0;

  constructor(entry: ApiKeyEntry, nowMs: number) {
    this.name = entry.name;
    this.isAdmin = entry.admin ?? false;
    this.priority = entry.priority ?? null;
    this.cacheSalt = entry.cache_salt ?? null;
    this.#concurrentLimit = entry.concurrent_requests ?? Number.POSITIVE_INFINITY;
    const bucket = (perMinute: number | null | undefined) =>
      perMinute == null ? null : new TokenBucket(perMinute, nowMs);
    this.#requests = bucket(entry.requests_per_minute);
    this.#tokens = bucket(entry.tokens_per_minute);
  }

  get running(): number {
    return this.#running;
  }

  /** Throws a 429 that says when to come again. The returned function must be called when the request is over. */
  admit(nowMs: number): () => void {
    if (this.#running >= this.#concurrentLimit) {
      throw rateLimited(
        `The key ${this.name} has ${this.#running} requests running, as many as it may.`,
        1_000,
      );
    }
    const requestWaitMs = this.#requests?.waitMs(nowMs) ?? 0;
    if (requestWaitMs > 0) {
      throw rateLimited(`The key ${this.name} has used up its requests per minute.`, requestWaitMs);
    }
    const tokenWaitMs = this.#tokens?.waitMs(nowMs) ?? 0;
    if (tokenWaitMs > 0) {
      throw rateLimited(`The key ${this.name} has used up its tokens per minute.`, tokenWaitMs);
    }
    this.#requests?.take(1, nowMs);
    this.#running += 1;
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      this.#running -= 1;
    };
  }

  /** What a request cost is known when it is over: the next ones wait for it. */
  charge(tokenCount: number, nowMs: number): void {
    this.#tokens?.take(tokenCount, nowMs);
  }
}
