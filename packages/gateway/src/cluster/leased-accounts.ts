// A worker's accounts: parts of those that the primary keeps for all.
import type { Accounts } from "../door/accounts.ts";
import type { AccountKind, ToPrimary, ToWorker } from "./cluster-message.ts";
import { LeasedAllowance } from "./leased-allowance.ts";
import { MirroredBudget } from "./mirrored-budget.ts";

/** All stocks of an account together are at most this part of its limit. */
const spareShare = 1 / 10;
/** Of one worker: enough that asking costs a request next to nothing. */
const largestSpare = 64;

export class LeasedAccounts implements Accounts {
  readonly #workerCount: number;
  readonly #send: (message: ToPrimary) => void;
  readonly #nowMs: () => number;
  readonly #allowances = new Map<string, LeasedAllowance>();
  readonly #budgets = new Map<string, MirroredBudget>();

  constructor(options: {
    readonly workerCount: number;
    readonly send: (message: ToPrimary) => void;
    readonly nowMs?: () => number;
  }) {
    this.#workerCount = options.workerCount;
    this.#send = options.send;
    this.#nowMs = options.nowMs ?? Date.now;
  }

  concurrent(key: string, limit: number): LeasedAllowance {
    return this.#allowance(key, "concurrent", limit);
  }

  rate(key: string, perMinute: number): LeasedAllowance {
    return this.#allowance(key, "rate", perMinute);
  }

  budget(key: string, perMinute: number): MirroredBudget {
    const budget = new MirroredBudget({
      account: key,
      perMinute,
      send: this.#send,
      nowMs: this.#nowMs,
    });
    this.#budgets.set(key, budget);
    this.#send({ type: "open", account: key, kind: "budget", limit: perMinute });
    return budget;
  }

  forget(key: string): void {
    this.#allowances.delete(key);
    this.#budgets.delete(key);
    this.#send({ type: "forget", account: key });
  }

  /** What the primary says; of accounts that are forgotten it is passed over. */
  receive(message: ToWorker): void {
    if (message.type === "grant") this.#allowances.get(message.account)?.granted(message);
    else if (message.type === "recall") this.#allowances.get(message.account)?.recalled(message);
    else if (message.type === "charged") {
      this.#budgets.get(message.account)?.chargedByOthers(message.count);
    }
  }

  #allowance(account: string, kind: AccountKind, limit: number): LeasedAllowance {
    const share = Math.floor((limit * spareShare) / this.#workerCount);
    const allowance = new LeasedAllowance({
      account,
      spare: Math.min(largestSpare, share),
      send: this.#send,
      nowMs: this.#nowMs,
    });
    this.#allowances.set(account, allowance);
    this.#send({ type: "open", account, kind, limit });
    return allowance;
  }
}
