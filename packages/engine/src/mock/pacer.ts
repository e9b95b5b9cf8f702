// Lets time pass as configured without blocking the thread. Timers are good to a millisecond or so:
// what one wait misses is made up by the next, so the sum is right.

/** Oversleeping up to this is credited to the next step; more was idleness or a stalled thread. */
const maxCreditMs = 20;

export class Pacer {
  readonly #now: () => number;
  readonly #sleep: (ms: number) => Promise<void>;
  /** When everything so far should have ended. */
  #dueMs = Number.NEGATIVE_INFINITY;
  #endedMs = Number.NEGATIVE_INFINITY;

  constructor(now: () => number, sleep: (ms: number) => Promise<void>) {
    this.#now = now;
    this.#sleep = sleep;
  }

  async spend(durationMs: number): Promise<void> {
    if (durationMs <= 0) return;
    const startMs = this.#now();
    // Back to back steps go on from when the last one should have ended, others from now.
    const isBackToBack = startMs - this.#endedMs < 1 && startMs - this.#dueMs < maxCreditMs;
    this.#dueMs = (isBackToBack ? this.#dueMs : startMs) + durationMs;
    const waitMs = this.#dueMs - startMs;
    if (waitMs >= 1) await this.#sleep(Math.floor(waitMs));
    this.#endedMs = this.#now();
  }
}
