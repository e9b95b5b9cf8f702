import type { Allowance } from "../door/accounts.ts";
import type { ToPrimary, ToWorker } from "./cluster-message.ts";

/**
 * One worker's part of an allowance that all workers share. A small stock is taken from and put back to without asking;
 * the primary lends it in batches, and takes it back when others are in need. Nothing is ever taken that the primary
 * has not lent, so the whole holds.
 */
export class LeasedAllowance implements Allowance {
  readonly #account: string;
  /** Kept at most without need. */
  readonly #spare: number;
  readonly #send: (message: ToPrimary) => void;
  readonly #nowMs: () => number;
  /** Who waits for an answer of the primary: at most the requests that are open here. */
  readonly #waiters: ((waitMs: number) => void)[] = [];
  #stock = 0;
  /** Waiters that the question on its way speaks for; `null`: none is on its way. */
  #asked: number | null = null;
  #scarceUntilMs = 0;
  #isPuttingBack = false;

  constructor(options: {
    readonly account: string;
    readonly spare: number;
    readonly send: (message: ToPrimary) => void;
    readonly nowMs: () => number;
  }) {
    this.#account = options.account;
    this.#spare = options.spare;
    this.#send = options.send;
    this.#nowMs = options.nowMs;
  }

  take(): number | Promise<number> {
    if (this.#stock > 0 && this.#waiters.length === 0) {
      this.#stock -= 1;
      // Before it is empty, so that the next requests find some.
      if (this.#stock < this.#spare / 2 && !this.#isScarce) this.#ask();
      return 0;
    }
    return new Promise((resolve) => {
      this.#waiters.push(resolve);
      this.#ask();
    });
  }

  putBack(): void {
    this.#stock += 1;
    this.#serveWaiters();
    if (this.#stock > this.#keep) this.#putBackSoon();
  }

  granted({ count, waitMs }: Extract<ToWorker, { type: "grant" }>): void {
    const asked = this.#asked ?? 0;
    this.#asked = null;
    const waiting = this.#waiters.length;
    this.#stock += count;
    this.#serveWaiters();
    const served = waiting - this.#waiters.length;
    // Who came after the question was asked gets one of their own.
    const refused = this.#waiters.splice(0, Math.max(0, asked - served));
    for (const refuse of refused) refuse(Math.max(1, waitMs));
    if (this.#waiters.length > 0) this.#ask();
    else if (this.#stock > this.#keep) this.#putBackSoon();
  }

  recalled({ forMs }: Extract<ToWorker, { type: "recall" }>): void {
    this.#scarceUntilMs = this.#nowMs() + forMs;
    this.#putBackAbove(0, true);
  }

  get #isScarce(): boolean {
    return this.#scarceUntilMs > 0 && this.#nowMs() < this.#scarceUntilMs;
  }

  get #keep(): number {
    return this.#isScarce ? 0 : this.#spare;
  }

  #ask(): void {
    if (this.#asked !== null) return;
    const need = this.#waiters.length;
    const spare = this.#isScarce ? 0 : Math.max(0, this.#spare - this.#stock);
    if (need + spare === 0) return;
    this.#asked = need;
    this.#send({ type: "ask", account: this.#account, need, spare });
  }

  #serveWaiters(): void {
    while (this.#stock > 0 && this.#waiters.length > 0) {
      this.#stock -= 1;
      this.#waiters.shift()!(0);
    }
  }

  /** Requests that end in one turn are one message. */
  #putBackSoon(): void {
    if (this.#isPuttingBack) return;
    this.#isPuttingBack = true;
    setImmediate(() => {
      this.#isPuttingBack = false;
      if (this.#stock > this.#keep) this.#putBackAbove(this.#keep, false);
    });
  }

  #putBackAbove(keep: number, isAll: boolean): void {
    const count = Math.max(0, this.#stock - keep);
    this.#stock -= count;
    this.#send({ type: "put-back", account: this.#account, count, isAll });
  }
}
