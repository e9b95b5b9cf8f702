import type { SharedLoad } from "@dyn/runtime";
import type { ToPrimary, ToWorker } from "./cluster-message.ts";

/** How long changes are gathered before they are told. */
const tellAfterMs = 5;

/**
 * What the workers of one port have running at each instance: own changes are told, those of the others added up, so
 * that routing by load looks at the whole.
 */
export class WorkerLoads implements SharedLoad {
  readonly #send: (message: ToPrimary) => void;
  #changes = new Map<bigint, number>();
  #timer: NodeJS.Timeout | null = null;
  readonly #byWorker = new Map<number, Map<bigint, number>>();
  readonly #sums = new Map<bigint, number>();

  constructor(send: (message: ToPrimary) => void) {
    this.#send = send;
  }

  changed(instanceId: bigint, by: number): void {
    this.#changes.set(instanceId, (this.#changes.get(instanceId) ?? 0) + by);
    this.#timer ??= setTimeout(() => this.#tell(), tellAfterMs);
  }

  others(instanceId: bigint): number {
    return this.#sums.get(instanceId) ?? 0;
  }

  receive({ worker, changes }: Extract<ToWorker, { type: "load" }>): void {
    if (changes === null) {
      for (const [id, count] of this.#byWorker.get(worker) ?? []) add(this.#sums, id, -count);
      this.#byWorker.delete(worker);
      return;
    }
    let loads = this.#byWorker.get(worker);
    if (loads === undefined) {
      loads = new Map();
      this.#byWorker.set(worker, loads);
    }
    for (const [hex, by] of Object.entries(changes)) {
      const id = BigInt(`0x${hex}`);
      add(loads, id, by);
      add(this.#sums, id, by);
    }
  }

  #tell(): void {
    this.#timer = null;
    const changes: Record<string, number> = {};
    for (const [id, by] of this.#changes) if (by !== 0) changes[id.toString(16)] = by;
    this.#changes = new Map();
    if (Object.keys(changes).length > 0) this.#send({ type: "load", changes });
  }
}

function add(counts: Map<bigint, number>, id: bigint, by: number): void {
  const count = (counts.get(id) ?? 0) + by;
  if (count === 0) counts.delete(id);
  else counts.set(id, count);
}
