import { createHash } from "node:crypto";
import { rateLimited } from "../errors/gateway-errors.ts";
import type { Accounts, Allowance, Budget } from "./accounts.ts";
import type { ApiKeyEntry } from "./api-key.ts";
import { takeAll } from "./take-all.ts";

/** The holder of one key: what it has taken of what it may. */
export class Tenant {
  readonly name: string;
  readonly isAdmin: boolean;
  readonly priority: number | null;
  readonly cacheSalt: string | null;
  readonly #accounts: Accounts;
  readonly #keys: string[] = [];
  readonly #concurrent: { readonly limit: number; readonly allowance: Allowance } | null;
  readonly #requests: Allowance | null;
  readonly #tokens: Budget | null;

  constructor(entry: ApiKeyEntry, accounts: Accounts) {
    this.name = entry.name;
    this.isAdmin = entry.admin ?? false;
    this.priority = entry.priority ?? null;
    this.cacheSalt = entry.cache_salt ?? null;
    this.#accounts = accounts;
    // An entry that changed in any field begins anew, wherever the account is kept.
    const owner = createHash("sha256").update(JSON.stringify(entry)).digest("base64url");
    const keyOf = (what: string) => {
      const key = `${owner}/${what}`;
      this.#keys.push(key);
      return key;
    };
    const { concurrent_requests: limit, requests_per_minute, tokens_per_minute } = entry;
    this.#concurrent =
      limit == null ? null : { limit, allowance: accounts.concurrent(keyOf("concurrent"), limit) };
    this.#requests =
      requests_per_minute == null ? null : accounts.rate(keyOf("requests"), requests_per_minute);
    this.#tokens =
      tokens_per_minute == null ? null : accounts.budget(keyOf("tokens"), tokens_per_minute);
  }

  /** Throws a 429 that says when to come again. The returned function must be called when the request is over. */
  admit(): (() => void) | Promise<() => void> {
    const { name } = this;
    const tokenWaitMs = this.#tokens?.waitMs() ?? 0;
    const steps = [];
    if (this.#concurrent !== null) {
      const { limit, allowance } = this.#concurrent;
      const refuse = (waitMs: number) =>
        rateLimited(`The key ${name} has ${limit} requests running, as many as it may.`, waitMs);
      steps.push({ allowance, refuse, isKept: true });
    }
    if (tokenWaitMs > 0) {
      throw rateLimited(`The key ${name} has used up its tokens per minute.`, tokenWaitMs);
    }
    if (this.#requests !== null) {
      const refuse = (waitMs: number) =>
        rateLimited(`The key ${name} has used up its requests per minute.`, waitMs);
      steps.push({ allowance: this.#requests, refuse, isKept: false });
    }
    return takeAll(steps);
  }

  /** What a request cost is known when it is over: the next ones wait for it. */
  charge(tokenCount: number): void {
    if (tokenCount > 0) this.#tokens?.charge(tokenCount);
  }

  /** The key is gone; requests that run still end in order. */
  forget(): void {
    for (const key of this.#keys) this.#accounts.forget(key);
  }
}
