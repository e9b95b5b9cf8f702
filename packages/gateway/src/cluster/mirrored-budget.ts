import type { Budget } from "../door/accounts.ts";
import { TokenBucket } from "../door/token-bucket.ts";
import type { ToPrimary } from "./cluster-message.ts";

/** A budget that all workers charge: each has a copy, and hears of what the others charge within a turn of the loop. */
export class MirroredBudget implements Budget {
  readonly #account: string;
  readonly #bucket: TokenBucket;
  readonly #send: (message: ToPrimary) => void;
  readonly #nowMs: () => number;
  #untold = 0;

  constructor(options: {
    readonly account: string;
    readonly perMinute: number;
    readonly send: (message: ToPrimary) => void;
    readonly nowMs: () => number;
  }) {
    this.#account = options.account;
    this.#send = options.send;
    this.#nowMs = options.nowMs;
    this.#bucket = new TokenBucket(options.perMinute, options.nowMs());
  }

  waitMs(): number {
    return this.#bucket.waitMs(this.#nowMs());
  }

  charge(count: number): void {
    this.#bucket.take(count, this.#nowMs());
    if (this.#untold === 0) setImmediate(() => this.#tell());
    this.#untold += count;
  }

  chargedByOthers(count: number): void {
    this.#bucket.take(count, this.#nowMs());
  }

  #tell(): void {
    const count = this.#untold;
    this.#untold = 0;
    this.#send({ type: "charge", account: this.#account, count });
  }
}
