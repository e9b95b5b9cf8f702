import type { ToPrimary, ToWorker } from "./cluster-message.ts";
import type { SharedPool } from "./shared-pool.ts";

type Ask = Extract<ToPrimary, { type: "ask" }>;
type PutBack = Extract<ToPrimary, { type: "put-back" }>;
type Send = (worker: number, message: ToWorker) => void;

/** After a recall, so long nobody keeps a stock. */
const scarceMs = 1_000;
/** A worker that does not answer a recall in this time is taken to have nothing to spare. */
const recallTimeoutMs = 250;

/** The whole of one allowance: lends it to workers, and asks for their stocks back before it refuses anybody. */
export class SharedAllowance {
  readonly #account: string;
  readonly #pool: SharedPool;
  readonly #send: Send;
  readonly #nowMs: () => number;
  /** By worker: what it has, in use or in stock. */
  readonly #lent = new Map<number, number>();
  /** Who waits for a recall to end: one question per worker at most. */
  #pending: { readonly worker: number; readonly ask: Ask }[] = [];
  /** Workers whose stock is on its way back. */
  readonly #recalled = new Set<number>();
  #recallTimer: NodeJS.Timeout | null = null;
  #scarceUntilMs = 0;

  constructor(options: {
    readonly account: string;
    readonly pool: SharedPool;
    readonly send: Send;
    readonly nowMs: () => number;
  }) {
    this.#account = options.account;
    this.#pool = options.pool;
    this.#send = options.send;
    this.#nowMs = options.nowMs;
  }

  ask(worker: number, ask: Ask): void {
    this.#pending.push({ worker, ask });
    if (this.#recalled.size === 0) this.#decide();
  }

  putBack(worker: number, { count, isAll }: PutBack): void {
    const lent = this.#lent.get(worker) ?? 0;
    const back = Math.min(count, lent);
    this.#lent.set(worker, lent - back);
    this.#pool.putBack(back);
    if (isAll) this.#endRecallOf(worker);
  }

  /** The worker is gone. */
  leave(worker: number): void {
    const lent = this.#lent.get(worker) ?? 0;
    this.#lent.delete(worker);
    if (this.#pool.comesBack) this.#pool.putBack(lent);
    this.#pending = this.#pending.filter((it) => it.worker !== worker);
    this.#endRecallOf(worker);
  }

  close(): void {
    if (this.#recallTimer !== null) clearTimeout(this.#recallTimer);
  }

  /** Serves in the order of asking, until one must wait for a recall. */
  #decide(): void {
    while (this.#pending.length > 0) {
      const { worker, ask } = this.#pending[0]!;
      const isScarce = this.#nowMs() < this.#scarceUntilMs;
      const count = this.#pool.takeUpTo(ask.need + (isScarce ? 0 : ask.spare));
      if (count < ask.need && !isScarce && this.#recall(worker)) {
        this.#pool.putBack(count);
        return;
      }
      this.#pending.shift();
      this.#lent.set(worker, (this.#lent.get(worker) ?? 0) + count);
      const waitMs = count < ask.need ? this.#pool.waitMs() : 0;
      this.#send(worker, { type: "grant", account: this.#account, count, waitMs });
    }
  }

  /** Whether anybody else has something that could come back. */
  #recall(asking: number): boolean {
    this.#scarceUntilMs = this.#nowMs() + scarceMs;
    for (const [worker, lent] of this.#lent) {
      if (worker === asking || lent === 0) continue;
      this.#recalled.add(worker);
      this.#send(worker, { type: "recall", account: this.#account, forMs: scarceMs });
    }
    if (this.#recalled.size === 0) return false;
    this.#recallTimer = setTimeout(() => {
      this.#recalled.clear();
      this.#decide();
    }, recallTimeoutMs);
    return true;
  }

  #endRecallOf(worker: number): void {
    if (!this.#recalled.delete(worker) || this.#recalled.size > 0) return;
    if (this.#recallTimer !== null) clearTimeout(this.#recallTimer);
    this.#recallTimer = null;
    this.#decide();
  }
}
