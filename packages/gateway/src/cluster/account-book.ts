// The primary's side of all accounts.
import { TokenBucket } from "../door/token-bucket.ts";
import type { ToPrimary, ToWorker } from "./cluster-message.ts";
import { SharedAllowance } from "./shared-allowance.ts";
import { createConcurrentPool, createRatePool } from "./shared-pool.ts";

type Open = Extract<ToPrimary, { type: "open" }>;
type Send = (worker: number, message: ToWorker) => void;

interface Account {
  /** Workers that use it. */
  readonly users: Set<number>;
  readonly allowance: SharedAllowance | null;
  readonly budget: TokenBucket | null;
}

/** How long an account outlives its last user: a worker that starts anew finds it as it was. */
const restMs = 120_000;

export class AccountBook {
  readonly #send: Send;
  readonly #nowMs: () => number;
  readonly #accounts = new Map<string, Account>();
  readonly #resting = new Map<string, NodeJS.Timeout>();

  constructor(options: { readonly send: Send; readonly nowMs?: () => number }) {
    this.#send = options.send;
    this.#nowMs = options.nowMs ?? Date.now;
  }

  receive(worker: number, message: ToPrimary): void {
    switch (message.type) {
      case "open":
        this.#open(worker, message);
        return;
      case "forget":
        this.#drop(worker, message.account);
        return;
      case "ask":
        this.#accounts.get(message.account)?.allowance?.ask(worker, message);
        return;
      case "put-back":
        this.#accounts.get(message.account)?.allowance?.putBack(worker, message);
        return;
      case "charge":
        this.#charge(worker, message.account, message.count);
    }
  }

  /** The worker is gone. */
  leave(worker: number): void {
    for (const key of this.#accounts.keys()) this.#drop(worker, key);
  }

  close(): void {
    for (const timer of this.#resting.values()) clearTimeout(timer);
    for (const { allowance } of this.#accounts.values()) allowance?.close();
  }

  #open(worker: number, { account: key, kind, limit }: Open): void {
    clearTimeout(this.#resting.get(key));
    this.#resting.delete(key);
    const account = this.#accounts.get(key) ?? this.#create(key, kind, limit);
    account.users.add(worker);
    if (account.budget === null) return;
    // Its copy begins full.
    const count = account.budget.missing(this.#nowMs());
    if (count > 0) this.#send(worker, { type: "charged", account: key, count });
  }

  #create(key: string, kind: Open["kind"], limit: number): Account {
    const nowMs = this.#nowMs;
    const allowance = () =>
      new SharedAllowance({
        account: key,
        pool: kind === "rate" ? createRatePool(limit, nowMs) : createConcurrentPool(limit),
        send: this.#send,
        nowMs,
      });
    const account: Account = {
      users: new Set(),
      allowance: kind === "budget" ? null : allowance(),
      budget: kind === "budget" ? new TokenBucket(limit, nowMs()) : null,
    };
    this.#accounts.set(key, account);
    return account;
  }

  #charge(worker: number, key: string, count: number): void {
    const account = this.#accounts.get(key);
    if (account === undefined) return;
    account.budget?.take(count, this.#nowMs());
    for (const other of account.users) {
      if (other !== worker) this.#send(other, { type: "charged", account: key, count });
    }
  }

  #drop(worker: number, key: string): void {
    const account = this.#accounts.get(key);
    if (account === undefined || !account.users.delete(worker)) return;
    account.allowance?.leave(worker);
    if (account.users.size > 0) return;
    const timer = setTimeout(() => {
      this.#resting.delete(key);
      this.#accounts.delete(key);
      account.allowance?.close();
    }, restMs);
    timer.unref();
    this.#resting.set(key, timer);
  }
}
