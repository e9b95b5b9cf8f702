import type { BusyThresholds } from "@dyn/router";
import type { ToPrimary, ToWorker } from "./cluster-message.ts";

interface Change {
  /** Who made it, and how it calls it. */
  readonly worker: number;
  readonly id: number;
  /** Workers that have not taken it yet. */
  readonly open: Set<number>;
}

/**
 * The primary's side of WorkerThresholds: passes changes on, says when all have them, and tells a worker that comes later
 * what there is. Every change comes through here, so all end with the last one.
 */
export class ThresholdBoard {
  readonly #send: (worker: number, message: ToWorker) => void;
  readonly #byModel = new Map<string, BusyThresholds>();
  readonly #workers = new Set<number>();
  readonly #changes = new Map<number, Change>();
  #lastId = 0;

  constructor(send: (worker: number, message: ToWorker) => void) {
    this.#send = send;
  }

  join(worker: number): void {
    for (const [model, thresholds] of this.#byModel) {
      this.#send(worker, { type: "thresholds", id: null, model, thresholds });
    }
    this.#workers.add(worker);
  }

  set(worker: number, message: Extract<ToPrimary, { type: "thresholds" }>): void {
    const { model, thresholds } = message;
    this.#byModel.set(model, thresholds);
    this.#lastId += 1;
    const id = this.#lastId;
    const open = new Set(this.#workers);
    this.#changes.set(id, { worker, id: message.id, open });
    // Its own too: of two workers that set at once, both end with the later one.
    for (const other of open) this.#send(other, { type: "thresholds", id, model, thresholds });
    this.#settle(id);
  }

  taken(worker: number, id: number): void {
    this.#changes.get(id)?.open.delete(worker);
    this.#settle(id);
  }

  leave(worker: number): void {
    this.#workers.delete(worker);
    for (const id of [...this.#changes.keys()]) this.taken(worker, id);
  }

  #settle(id: number): void {
    const change = this.#changes.get(id);
    if (change === undefined || change.open.size > 0) return;
    this.#changes.delete(id);
    this.#send(change.worker, { type: "thresholds-held", id: change.id });
  }
}
