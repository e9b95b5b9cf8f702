// What there is to lend of one account.
import { concurrentWaitMs } from "../door/accounts.ts";
import { TokenBucket } from "../door/token-bucket.ts";

export interface SharedPool {
  /** As many as there are, up to `count`. */
  takeUpTo(count: number): number;
  putBack(count: number): void;
  /** Milliseconds until another may be had. */
  waitMs(): number;
  /** What a worker that died had borrowed comes back: it has nothing running any more. */
  readonly comesBack: boolean;
}

export function createConcurrentPool(limit: number): SharedPool {
  let left = limit;
  return {
    takeUpTo: (count) => {
      const taken = Math.min(count, left);
      left -= taken;
      return taken;
    },
    putBack: (count) => {
      left = Math.min(limit, left + count);
    },
    waitMs: () => concurrentWaitMs,
    comesBack: true,
  };
}

export function createRatePool(perMinute: number, nowMs: () => number): SharedPool {
  const bucket = new TokenBucket(perMinute, nowMs());
  return {
    takeUpTo: (count) => bucket.takeUpTo(count, nowMs()),
    putBack: (count) => bucket.putBack(count, nowMs()),
    waitMs: () => bucket.waitMs(nowMs()),
    comesBack: false,
  };
}
