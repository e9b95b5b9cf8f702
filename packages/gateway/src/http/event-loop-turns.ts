// Deals the thread's time to requests that have arrived whole. Node accepts one connection per turn of the event loop and
// reads what workers say in between: hundreds of requests parsed and tokenized in one turn would keep both waiting.

/** What may begin in one turn of the event loop, and while connections come in: each of those waits for a turn of its own. */
const turnMs = 2;
const turnWhileAcceptingMs = 0.25;
/** Requests of a turn, whatever they take. */
const mostOfTurn = 32;

export class EventLoopTurns {
  /** Bounded by the connections that are open: each has at most one request whose body was just read. */
  #waiting: (() => void)[] = [];
  #next = 0;
  #beganMs: number | null = null;
  #limitMs = turnMs;
  #hasNewConnection = false;

  /** `null`: go on now. Otherwise resolves in the order of the calls, each turn at least one. */
  take(): Promise<void> | null {
    if (this.#next === this.#waiting.length) {
      if (this.#beganMs === null) {
        this.#begin();
        return null;
      }
      if (performance.now() - this.#beganMs < this.#limitMs) return null;
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** The next turn is a short one, so that the next connection is soon accepted, too. */
  noteConnection(): void {
    this.#hasNewConnection = true;
  }

  #begin(): void {
    this.#beganMs = performance.now();
    setImmediate(() => this.#end());
  }

  #end(): void {
    this.#beganMs = null;
    this.#limitMs = this.#hasNewConnection ? turnWhileAcceptingMs : turnMs;
    this.#hasNewConnection = false;
    this.#waiting = this.#waiting.slice(this.#next);
    this.#next = 0;
    if (this.#waiting.length === 0) return;
    // What a request does until it waits for something else runs between two of these: time is looked at before each.
    for (let i = Math.min(this.#waiting.length, mostOfTurn); i > 0; i--)
      setImmediate(() => this.#release());
    setImmediate(() => this.#end());
  }

  #release(): void {
    const go = this.#waiting[this.#next];
    if (go === undefined) return;
    if (this.#beganMs === null) this.#beganMs = performance.now();
    else if (performance.now() - this.#beganMs >= this.#limitMs) return;
    this.#next += 1;
    go();
  }
}
