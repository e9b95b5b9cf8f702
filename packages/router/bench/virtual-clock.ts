// Time that passes when nothing is left to do: what real code awaits on it runs as it would, only sooner.
import { setImmediate as nextTurn } from "node:timers/promises";

interface Due {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
}

/** Turns of the event loop without a new wish to wait, after which everybody waits. */
const quietTurns = 3;

export class VirtualClock {
  #nowMs = 0;
  #order = 0;
  /** A binary heap, the next one first. */
  readonly #due: Due[] = [];

  readonly now = (): number => this.#nowMs;

  readonly sleep = (ms: number): Promise<void> =>
    new Promise((resolve) => this.at(this.#nowMs + ms, resolve));

  at(atMs: number, run: () => void): void {
    const due = { atMs: Math.max(atMs, this.#nowMs), order: this.#order++, run };
    const heap = this.#due;
    let i = heap.push(due) - 1;
    for (; i > 0; ) {
      const above = (i - 1) >> 1;
      if (isBefore(heap[above]!, due)) break;
      heap[i] = heap[above]!;
      i = above;
    }
    heap[i] = due;
  }

  /** Until nobody waits for anything. */
  async run(): Promise<void> {
    await this.#settle();
    while (this.#due.length > 0) {
      const { atMs } = this.#due[0]!;
      this.#nowMs = atMs;
      while (this.#due.length > 0 && this.#due[0]!.atMs === atMs) this.#take().run();
      await this.#settle();
    }
  }

  async #settle(): Promise<void> {
    for (let quiet = 0; quiet < quietTurns; quiet++) {
      const before = this.#order;
      await nextTurn();
      if (this.#order !== before) quiet = -1;
    }
  }

  #take(): Due {
    const heap = this.#due;
    const first = heap[0]!;
    const last = heap.pop()!;
    if (heap.length === 0) return first;
    let i = 0;
    for (;;) {
      let below = 2 * i + 1;
      if (below >= heap.length) break;
      if (below + 1 < heap.length && isBefore(heap[below + 1]!, heap[below]!)) below += 1;
      if (!isBefore(heap[below]!, last)) break;
      heap[i] = heap[below]!;
      i = below;
    }
    heap[i] = last;
    return first;
  }
}

function isBefore(a: Due, b: Due): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
