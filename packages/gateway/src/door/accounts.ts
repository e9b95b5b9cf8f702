// What the door counts by. Where it is kept is another's matter: in this process, or shared by those of one port.
import { TokenBucket } from "./token-bucket.ts";

/** So many at one time, or so many per minute. */
export interface Allowance {
  /**
   * Takes one. 0: it is taken; else the milliseconds after which to come again. A promise where another process must
   * be asked; it never rejects.
   */
  take(): number | Promise<number>;
  /** One that was taken is not in use any more (of a rate: has not been used at all). */
  putBack(): void;
}

/** So many per minute of what is known only afterwards. */
export interface Budget {
  /** Milliseconds until there is something left; 0 = now. */
  waitMs(): number;
  charge(count: number): void;
}

/** `key` names the account: the same key is the same account. */
export interface Accounts {
  concurrent(key: string, limit: number): Allowance;
  rate(key: string, perMinute: number): Allowance;
  budget(key: string, perMinute: number): Budget;
  /** The account is not used any more. */
  forget(key: string): void;
}

/** How long to wait for one of those that run to end: not known, so a guess. */
export const concurrentWaitMs = 1_000;

/** Accounts of this process alone. */
export function createLocalAccounts(nowMs: () => number): Accounts {
  return {
    concurrent: (_key, limit) => {
      let running = 0;
      return {
        take: () => {
          if (running >= limit) return concurrentWaitMs;
          running += 1;
          return 0;
        },
        putBack: () => {
          running -= 1;
        },
      };
    },
    rate: (_key, perMinute) => {
      const bucket = new TokenBucket(perMinute, nowMs());
      return {
        take: () => {
          const waitMs = bucket.waitMs(nowMs());
          if (waitMs === 0) bucket.take(1, nowMs());
          return waitMs;
        },
        putBack: () => bucket.putBack(1, nowMs()),
      };
    },
    budget: (_key, perMinute) => {
      const bucket = new TokenBucket(perMinute, nowMs());
      return {
        waitMs: () => bucket.waitMs(nowMs()),
        charge: (count) => bucket.take(count, nowMs()),
      };
    },
    forget: () => {},
  };
}
