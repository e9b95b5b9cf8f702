// What workers of one port share, over a link that delivers in random order between workers, never within one.
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { AccountBook } from "../src/cluster/account-book.ts";
import type { ToPrimary, ToWorker } from "../src/cluster/cluster-message.ts";
import { LeasedAccounts } from "../src/cluster/leased-accounts.ts";
import { LoadBoard } from "../src/cluster/load-board.ts";
import { RestartPolicy } from "../src/cluster/restart-policy.ts";
import { WorkerLoads } from "../src/cluster/worker-loads.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Messages wait until `deliver` takes one, chosen by `draw` among the links that have any. */
function createWhole(workerCount: number) {
  const nowMs = () => Date.now();
  const links: { toPrimary: ToPrimary[]; toWorker: ToWorker[] }[] = [];
  const book = new AccountBook({ send: (id, message) => links[id]?.toWorker.push(message), nowMs });
  const workers = Array.from({ length: workerCount }, (_, id) => {
    links[id] = { toPrimary: [], toWorker: [] };
    const send = (message: ToPrimary) => links[id]!.toPrimary.push(message);
    return new LeasedAccounts({ workerCount, send, nowMs });
  });
  const deliver = (draw: number): boolean => {
    const queues = links.flatMap(({ toPrimary, toWorker }, id) => [
      ...(toPrimary.length > 0 ? [() => book.receive(id, toPrimary.shift()!)] : []),
      ...(toWorker.length > 0 ? [() => workers[id]!.receive(toWorker.shift()!)] : []),
    ]);
    queues[Math.floor(draw * queues.length)]?.();
    return queues.length > 0;
  };
  const settle = async () => {
    for (let idle = 0; idle < 3; idle++) {
      while (deliver(0)) idle = 0;
      await vi.advanceTimersByTimeAsync(0);
    }
  };
  const die = (id: number) => {
    links[id] = { toPrimary: [], toWorker: [] };
    book.leave(id);
  };
  return { workers, deliver, settle, die };
}

describe("an allowance of requests that run at one time", () => {
  it("is never exceeded by all workers together, and refuses only when it is used up", async () => {
    const step = fc.record({
      worker: fc.nat(2),
      action: fc.constantFrom("take", "take", "end", "deliver", "deliver", "deliver"),
      draw: fc.double({ min: 0, max: 0.999, noNaN: true }),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 80 }),
        fc.array(step, { maxLength: 200 }),
        async (limit, steps) => {
          const { workers, deliver, settle } = createWhole(3);
          const allowances = workers.map((worker) => worker.concurrent("door", limit));
          const running = [0, 0, 0];
          const total = () => running[0]! + running[1]! + running[2]!;
          const take = async (worker: number) => {
            const waitMs = await allowances[worker]!.take();
            if (waitMs === 0) running[worker]! += 1;
            return waitMs;
          };
          for (const { worker, action, draw } of steps) {
            if (action === "take") void take(worker);
            else if (action === "deliver") deliver(draw);
            else if (running[worker]! > 0) {
              running[worker]! -= 1;
              allowances[worker]!.putBack();
            }
            await vi.advanceTimersByTimeAsync(0);
            expect(total()).toBeLessThanOrEqual(limit);
          }
          await settle();
          expect(total()).toBeLessThanOrEqual(limit);
          // Nothing is lost on the way: the rest can be had by one worker, and not one more.
          const left = limit - total();
          const rest = Promise.all(Array.from({ length: left + 1 }, () => take(1)));
          await settle();
          const waits = await rest;
          expect(waits.filter((waitMs) => waitMs === 0).length).toBe(left);
          expect(total()).toBe(limit);
        },
      ),
      { numRuns: 150 },
    );
  });

  it("asks nobody while there is a stock", async () => {
    const { workers, settle } = createWhole(2);
    const allowance = workers[0]!.concurrent("door", 1000);
    const first = allowance.take();
    await settle();
    expect(await first).toBe(0);
    for (let i = 0; i < 10; i++) expect(allowance.take()).toBe(0);
  });

  it("gets back what a worker had that died", async () => {
    const { workers, settle, die } = createWhole(2);
    const [dying, living] = workers.map((worker) => worker.concurrent("door", 3));
    const taken = [dying!.take(), dying!.take(), dying!.take()];
    await settle();
    expect(await Promise.all(taken)).toEqual([0, 0, 0]);
    const refused = living!.take();
    await settle();
    expect(await refused).toBeGreaterThan(0);
    die(0);
    const admitted = living!.take();
    await settle();
    expect(await admitted).toBe(0);
  });

  it("does not wait for a worker that hangs", async () => {
    const { workers, settle, deliver } = createWhole(2);
    const hanging = workers[0]!.concurrent("door", 1);
    const taken = hanging.take();
    await settle();
    expect(await taken).toBe(0);
    const other = workers[1]!.concurrent("door", 1);
    const refused = other.take();
    // open, ask; the recall to the first is not delivered.
    deliver(0);
    deliver(0);
    await vi.advanceTimersByTimeAsync(300);
    deliver(0.99);
    expect(await refused).toBeGreaterThan(0);
  });
});

describe("an allowance per minute", () => {
  it("holds for all workers together, within a tenth in a burst", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 300 }),
        fc.array(fc.nat(2), { maxLength: 400 }),
        async (limit, takes) => {
          const { workers, settle } = createWhole(3);
          const rates = workers.map((worker) => worker.rate("key", limit));
          let admitted = 0;
          for (const worker of takes) {
            const waitMs = rates[worker]!.take();
            if (typeof waitMs === "number") admitted += waitMs === 0 ? 1 : 0;
            else {
              await settle();
              admitted += (await waitMs) === 0 ? 1 : 0;
            }
          }
          expect(admitted).toBe(Math.min(limit, takes.length));
          // Stocks are kept while the account fills: that is all that a later burst can have more.
          await vi.advanceTimersByTimeAsync(60_000);
          let later = 0;
          for (let i = 0; i < limit * 3; i++) {
            const waitMs = rates[i % 3]!.take();
            if (typeof waitMs !== "number") await settle();
            later += (await waitMs) === 0 ? 1 : 0;
          }
          expect(later).toBeGreaterThanOrEqual(limit);
          expect(later).toBeLessThanOrEqual(limit * 1.1);
        },
      ),
      { numRuns: 40 },
    );
  });
});

describe("a budget of tokens", () => {
  it("is charged by all and heard of by all, also by one that starts later", async () => {
    const { workers, settle, die } = createWhole(3);
    const [a, b] = workers.map((worker) => worker.budget("key", 1_000));
    a!.charge(600);
    expect(b!.waitMs()).toBe(0);
    b!.charge(700);
    await settle();
    expect(a!.waitMs()).toBeGreaterThan(17_000);
    expect(b!.waitMs()).toBe(a!.waitMs());
    die(0);
    const anew = workers[2]!.budget("key", 1_000);
    await settle();
    expect(anew.waitMs()).toBe(b!.waitMs());
  });
});

describe("loads", () => {
  it("of the others add up, and go with the worker that had them", async () => {
    const queues: ToWorker[][] = [[], []];
    const board = new LoadBoard((id, message) => queues[id]?.push(message));
    const loads = [0, 1].map(
      (id) =>
        new WorkerLoads((message) => message.type === "load" && board.change(id, message.changes)),
    );
    const settle = async () => {
      await vi.advanceTimersByTimeAsync(10);
      for (const [id, queue] of queues.entries()) {
        for (const message of queue.splice(0)) {
          if (message.type === "load") loads[id]!.receive(message);
        }
      }
    };
    board.join(0);
    board.join(1);
    const instance = 0xfedc_ba98_7654_3210n;
    for (let i = 0; i < 3; i++) loads[0]!.changed(instance, 1);
    loads[1]!.changed(instance, 1);
    await settle();
    expect(loads.map((load) => load.others(instance))).toEqual([1, 3]);
    loads[0]!.changed(instance, -1);
    await settle();
    expect(loads[1]!.others(instance)).toBe(2);
    board.leave(0);
    await settle();
    expect(loads[1]!.others(instance)).toBe(0);
  });
});

it("workers that die are replaced ever more slowly, and not without end", () => {
  let nowMs = 0;
  const policy = new RestartPolicy({ workerCount: 2, nowMs: () => nowMs });
  const delays = Array.from({ length: 11 }, () => policy.died());
  expect(delays).toEqual([100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000, 10_000, null]);
  nowMs = 61_000;
  expect(policy.died()).toBe(100);
});
