/** So many per minute, and as many at once. Taking more than there is leaves a debt that time pays. */
export class TokenBucket {
  readonly #perMinute: number;
  #left: number;
  #atMs: number;

  constructor(perMinute: number, nowMs: number) {
    this.#perMinute = perMinute;
    this.#left = perMinute;
    this.#atMs = nowMs;
  }

  /** Milliseconds until there is something to take; 0 = now. */
  waitMs(nowMs: number, count = 1): number {
    this.#refill(nowMs);
    // A bucket never holds more than its size, so more than that is let through when it is full.
    const missing = Math.min(count, this.#perMinute) - this.#left;
    return missing <= 0 ? 0 : (missing / this.#perMinute) * 60_000;
  }

  take(count: number, nowMs: number): void {
    this.#refill(nowMs);
    this.#left -= count;
  }

  #refill(nowMs: number): void {
    const passedMs = Math.max(0, nowMs - this.#atMs);
    this.#atMs = nowMs;
    this.#left = Math.min(this.#perMinute, this.#left + (passedMs / 60_000) * this.#perMinute);
  }
}
