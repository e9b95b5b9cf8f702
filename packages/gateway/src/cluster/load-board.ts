import type { ToWorker } from "./cluster-message.ts";

type Changes = Readonly<Record<string, number>>;

/** The primary's side of WorkerLoads: passes changes on, and tells a worker that comes later what there is. */
export class LoadBoard {
  readonly #send: (worker: number, message: ToWorker) => void;
  readonly #loads = new Map<number, Map<string, number>>();

  constructor(send: (worker: number, message: ToWorker) => void) {
    this.#send = send;
  }

  join(worker: number): void {
    for (const [other, loads] of this.#loads) {
      this.#send(worker, { type: "load", worker: other, changes: Object.fromEntries(loads) });
    }
    this.#loads.set(worker, new Map());
  }

  change(worker: number, changes: Changes): void {
    const loads = this.#loads.get(worker);
    if (loads === undefined) return;
    for (const [id, by] of Object.entries(changes)) {
      const count = (loads.get(id) ?? 0) + by;
      if (count === 0) loads.delete(id);
      else loads.set(id, count);
    }
    this.#tellOthers(worker, changes);
  }

  leave(worker: number): void {
    if (this.#loads.delete(worker)) this.#tellOthers(worker, null);
  }

  #tellOthers(worker: number, changes: Changes | null): void {
    for (const other of this.#loads.keys()) {
      if (other !== worker) this.#send(other, { type: "load", worker, changes });
    }
  }
}
