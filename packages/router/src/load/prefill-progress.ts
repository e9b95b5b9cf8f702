// How much of a rank's prefill is left by now. Between a request's dispatch and its first token nothing is heard, so that a
// rank about to be free looks as busy as one that has just begun; what it has done so far is judged by the pace it had.

/** Weight of what was seen before, at each prefill that ends. */
const memory = 0.9;
/** Over so many times the time it should have taken, the pace is disproved and all of it counts again. */
const patience = 2;

export class PrefillProgress {
  /** Tokens and the milliseconds that they took, older ones fading. */
  #doneTokens = 0;
  #busyMs = 0;
  /** When the last prefill ended, or the rank got its first one since. */
  #sinceMs = 0;

  /** The rank had nothing to prefill until now. */
  began(nowMs: number): void {
    this.#sinceMs = nowMs;
  }

  completed(tokenCount: number, nowMs: number): void {
    this.#doneTokens = memory * this.#doneTokens + tokenCount;
    this.#busyMs = memory * this.#busyMs + (nowMs - this.#sinceMs);
    this.#sinceMs = nowMs;
  }

  /** Of `tokenCount` that wait or are in it. A rank that is overdue has not done them: it may hang. */
  left(tokenCount: number, nowMs: number): number {
    if (this.#busyMs <= 0) return tokenCount;
    const done = (this.#doneTokens / this.#busyMs) * (nowMs - this.#sinceMs);
    return done > patience * tokenCount ? tokenCount : Math.max(0, Math.ceil(tokenCount - done));
  }
}
