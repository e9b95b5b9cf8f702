// Deals the thread's time to requests that have arrived whole. Node accepts one connection per turn of the event loop and
// reads what workers say in between: hundreds of requests parsed and tokenized in one turn would keep both waiting.

/** Requests begin for so long in one turn of the event loop. Shorter turns make nothing fairer: what streams say takes its share of each. */
const turnMs = 12;
/** Connections that wait are accepted for so long before the next request begins, one a turn, and turns are short then. */
const holdMs = 12;
/** Requests of a turn, whatever they take. */
const mostOfTurn = 128;

export class EventLoopTurns {
  /** Bounded by the connections that are open: each has at most one request whose body was just read. */
  #waiting: (() => void)[] = [];
  #next = 0;
  /** When the first request of this turn began. */
  #beganMs: number | null = null;
  #hasNewConnection = false;
  #isHolding = false;
  #holdEndsMs = 0;

  /** `null`: go on now. Otherwise resolves in the order of the calls. */
  take(): Promise<void> | null {
    if (this.#next === this.#waiting.length && !this.#isHolding) {
      if (this.#beganMs === null) {
        this.#beganMs = performance.now();
        setImmediate(() => this.#end());
        return null;
      }
      if (performance.now() - this.#beganMs < turnMs) return null;
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** More are likely to wait: they come first, for a while. */
  noteConnection(): void {
    this.#hasNewConnection = true;
  }

  #end(): void {
    const nowMs = performance.now();
    if (this.#beganMs !== null) this.#holdEndsMs = nowMs + holdMs;
    this.#beganMs = null;
    this.#isHolding = this.#hasNewConnection && nowMs < this.#holdEndsMs;
    this.#hasNewConnection = false;
    if (this.#next > 0) {
      this.#waiting = this.#waiting.slice(this.#next);
      this.#next = 0;
    }
    if (!this.#isHolding) {
      if (this.#waiting.length === 0) return;
      // What a request does until it waits for something else runs between two of these: time is looked at before each.
      const count = Math.min(this.#waiting.length, mostOfTurn);
      for (let i = 0; i < count; i++) setImmediate(() => this.#release());
    }
    setImmediate(() => this.#end());
  }

  #release(): void {
    const go = this.#waiting[this.#next];
    if (go === undefined) return;
    if (this.#beganMs === null) this.#beganMs = performance.now();
    else if (performance.now() - this.#beganMs >= turnMs) return;
    this.#next += 1;
    go();
  }
}
