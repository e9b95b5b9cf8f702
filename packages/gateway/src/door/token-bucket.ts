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

  /** What is gone of a full bucket; more than its size while there is a debt. */
  missing(nowMs: number): number {
    this.#refill(nowMs);
    return this.#perMinute - this.#left;
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

  /** As many whole ones as there are, up to `count`. */
  takeUpTo(count: number, nowMs: number): number {
    this.#refill(nowMs);
    const taken = Math.min(count, Math.max(0, Math.floor(this.#left)));
    this.#left -= taken;
    return taken;
  }

  /** What was taken and not used. */
  putBack(count: number, nowMs: number): void {
    this.#refill(nowMs);
    this.#left = Math.min(this.#perMinute, this.#left + count);
  }

  #refill(nowMs: number): void {
    const passedMs = Math.max(0, nowMs - this.#atMs);
    this.#atMs = nowMs;
    this.#left = Math.min(this.#perMinute, this.#left + (passedMs / 60_000) * this.#perMinute);
  }
}
