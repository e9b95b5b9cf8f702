// One page of metrics for all workers of a port, whichever is asked.
import { type MetricsSnapshot, mergeSnapshots, renderSnapshot, totalsOf } from "@dyn/metrics";
import type { ToWorker } from "./cluster-message.ts";

/** A worker that does not answer in time is shown as it was last seen. */
const answerTimeoutMs = 1_000;

export class MetricsBoard {
  readonly #send: (worker: number, message: ToWorker) => void;
  /** Of the primary itself. */
  readonly #own: () => Promise<MetricsSnapshot>;
  readonly #last = new Map<number, MetricsSnapshot>();
  /** Counters and histograms of workers that are gone: a total never goes down. */
  #gone: Promise<MetricsSnapshot> = Promise.resolve([]);
  /** Scrapes that come while one runs share it. */
  #running: Promise<{ contentType: string; body: string }> | null = null;
  readonly #waiting = new Map<number, () => void>();
  #id = 0;

  constructor(options: {
    readonly send: (worker: number, message: ToWorker) => void;
    readonly own: () => Promise<MetricsSnapshot>;
  }) {
    this.#send = options.send;
    this.#own = options.own;
  }

  join(worker: number): void {
    this.#last.set(worker, []);
  }

  answered(worker: number, id: number | null, snapshot: MetricsSnapshot): void {
    if (!this.#last.has(worker)) return;
    this.#last.set(worker, snapshot);
    if (id === this.#id) this.#settle(worker);
  }

  leave(worker: number): void {
    const last = this.#last.get(worker);
    if (last === undefined) return;
    this.#last.delete(worker);
    this.#gone = this.#gone.then((gone) => mergeSnapshots([gone, totalsOf(last)]));
    this.#settle(worker);
  }

  page(): Promise<{ contentType: string; body: string }> {
    this.#running ??= this.#gather().finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  async #gather(): Promise<{ contentType: string; body: string }> {
    this.#id += 1;
    const id = this.#id;
    const answers = [...this.#last.keys()].map(
      (worker) =>
        new Promise<void>((resolve) => {
          this.#waiting.set(worker, resolve);
          this.#send(worker, { type: "metrics-wanted", id });
        }),
    );
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, answerTimeoutMs);
    });
    await Promise.race([Promise.all(answers), timeout]);
    clearTimeout(timer);
    this.#waiting.clear();
    const [own, gone] = await Promise.all([this.#own(), this.#gone]);
    return renderSnapshot(await mergeSnapshots([own, ...this.#last.values(), gone]));
  }

  #settle(worker: number): void {
    this.#waiting.get(worker)?.();
    this.#waiting.delete(worker);
  }
}
