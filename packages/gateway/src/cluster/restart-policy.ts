const firstDelayMs = 100;
const longestDelayMs = 10_000;
/** Deaths that are longer ago are forgiven. */
const windowMs = 60_000;
/** More in the window, for each worker: something is wrong that starting anew does not cure. */
const deathsPerWorker = 5;

/** How soon a worker that died is replaced, and when that is given up. */
export class RestartPolicy {
  readonly #limit: number;
  readonly #nowMs: () => number;
  #deathsMs: number[] = [];

  constructor(options: { readonly workerCount: number; readonly nowMs?: () => number }) {
    this.#limit = deathsPerWorker * options.workerCount;
    this.#nowMs = options.nowMs ?? Date.now;
  }

  /** Milliseconds to wait before the next start; `null`: there is none. */
  died(): number | null {
    const nowMs = this.#nowMs();
    this.#deathsMs = this.#deathsMs.filter((atMs) => nowMs - atMs < windowMs);
    this.#deathsMs.push(nowMs);
    const count = this.#deathsMs.length;
    if (count > this.#limit) return null;
    return Math.min(longestDelayMs, firstDelayMs * 2 ** (count - 1));
  }
}
