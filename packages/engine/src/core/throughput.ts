/** Tokens per second over the last closed interval: so many decode steps, or a second of them. */
export class Throughput {
  readonly #now: () => number;
  #startedMs: number | null = null;
  #steps = 0;
  #tokens = 0;
  #perSecond = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  get tokensPerSecond(): number {
    return this.#perSecond;
  }

  decodeStep(tokenCount: number): void {
    const nowMs = this.#now();
    if (this.#startedMs === null) {
      this.#startedMs = nowMs;
      return;
    }
    this.#tokens += tokenCount;
    this.#steps++;
    const elapsedMs = nowMs - this.#startedMs;
    if (elapsedMs <= 0 || (this.#steps < 40 && elapsedMs < 1000)) return;
    this.#perSecond = (this.#tokens * 1000) / elapsedMs;
    this.#startedMs = nowMs;
    this.#steps = 0;
    this.#tokens = 0;
  }

  idle(): void {
    this.#startedMs = null;
    this.#steps = 0;
    this.#tokens = 0;
    this.#perSecond = 0;
  }
}
