import { type GenerateRequestFields, type PolicyName, policyNames } from "@dyn/engine";
import { describe, expect, it } from "vitest";
import { PagePool } from "../src/cache/page-pool.ts";
import { RadixCache } from "../src/cache/radix-cache.ts";
import { createPolicy } from "../src/scheduler/policy/create-policy.ts";
import { RequestGroup } from "../src/scheduler/request-group.ts";
import { Sequence } from "../src/scheduler/sequence.ts";
import { makeRequest } from "./oracle/make-request.ts";

const pageSize = 4;

function createCache(): RadixCache {
  return new RadixCache({ pageSize, pool: new PagePool(4096) });
}

let queueNumber = 0;

function waiting(requestId: string, options: Partial<GenerateRequestFields> = {}): Sequence {
  const request = makeRequest({ requestId, tokenIds: [1, 2, 3], ...options });
  const sequence = new Sequence({
    group: new RequestGroup(request),
    index: 0,
    prompt: request.tokenIds,
    resumed: [],
    maxLength: request.tokenIds.length + request.sampling.maxNewTokens!,
    pageSize,
  });
  sequence.queueNumber = queueNumber++;
  return sequence;
}

function cachePrefix(cache: RadixCache, tokens: number[]): void {
  const pageCount = tokens.length / pageSize;
  const pool = new PagePool(4096);
  const pages = Int32Array.from({ length: pageCount }, () => pool.allocate());
  cache.insert({ cacheSalt: null, extraKey: null }, Uint32Array.from(tokens), pages, pageCount, 0);
}

function order(
  name: PolicyName,
  queue: Sequence[],
  context: { cache?: RadixCache; running?: Sequence[]; random?: () => number } = {},
): string {
  const sorted = [...queue];
  createPolicy(name).order(sorted, {
    cache: context.cache ?? createCache(),
    pageSize,
    running: context.running ?? [],
    random: context.random ?? (() => 0),
  });
  return sorted.map((sequence) => sequence.group.request.requestId).join(" ");
}

const range = (from: number, count: number) => Array.from({ length: count }, (_, i) => from + i);

describe("scheduling policies", () => {
  it("fcfs keeps the queue", () => {
    expect(order("fcfs", [waiting("c"), waiting("a"), waiting("b")])).toBe("c a b");
  });

  it("lof takes the longest possible answer first, equals in order", () => {
    const queue = [3, 9, 9, 5].map((maxNewTokens, i) =>
      waiting(`r${i}`, { sampling: { maxNewTokens } }),
    );
    expect(order("lof", queue)).toBe("r1 r2 r3 r0");
  });

  it("priority takes the larger number first, then who came first", () => {
    const low = waiting("low", { priority: -1 });
    const first = waiting("first", { priority: 4 });
    const second = waiting("second", { priority: 4 });
    expect(order("priority", [low, second, first])).toBe("first second low");
  });

  it("random shuffles by the injected source and loses nobody", () => {
    const queue = ["a", "b", "c", "d"].map((id) => waiting(id));
    expect(order("random", queue, { random: () => 0 })).toBe("b c d a");
    expect(order("random", queue, { random: () => 0.999 })).toBe("a b c d");
  });

  it("routing-key takes keys that are frequent among the running first, unknown ones last", () => {
    const running = ["k1", "k1", "k1", "k2", null].map((routingKey, i) =>
      waiting(`run${i}`, { routingKey }),
    );
    const queue = [
      waiting("none"),
      waiting("b", { routingKey: "k2" }),
      waiting("x", { routingKey: "kX" }),
      waiting("a", { routingKey: "k1" }),
    ];
    expect(order("routing-key", queue, { running })).toBe("a b none x");
    expect(order("routing-key", queue)).toBe("none b x a");
  });

  it("lpm takes the longest cached prefix first", () => {
    const cache = createCache();
    cachePrefix(cache, range(100, 48));
    const queue = [
      waiting("none", { tokenIds: range(500, 60) }),
      waiting("some", { tokenIds: [...range(100, 40), ...range(900, 10)] }),
      waiting("most", { tokenIds: [...range(100, 48), 7] }),
    ];
    expect(order("lpm", queue, { cache })).toBe("most some none");
  });

  it("lpm lets one of several with a common uncached prefix of 32 go ahead, the others last", () => {
    const prefix = range(300, 32);
    const queue = [
      waiting("one", { tokenIds: [...prefix, 1] }),
      waiting("two", { tokenIds: [...prefix, 2] }),
      waiting("short-a", { tokenIds: range(700, 31) }),
      waiting("short-b", { tokenIds: range(700, 31) }),
      waiting("other tenant", { tokenIds: [...prefix, 3], cacheSalt: "x" }),
    ];
    expect(order("lpm", queue)).toBe("one short-a short-b other tenant two");
  });

  it("lpm does not defer what has more than 32 tokens cached", () => {
    const cache = createCache();
    cachePrefix(cache, range(300, 36));
    const queue = ["one", "two"].map((id, i) => waiting(id, { tokenIds: [...range(300, 36), i] }));
    queue.unshift(waiting("cold", { tokenIds: range(800, 40) }));
    expect(order("lpm", queue, { cache })).toBe("one two cold");
  });

  it("lpm leaves queues of more than 128 as they are", () => {
    const cache = createCache();
    cachePrefix(cache, range(100, 48));
    const cold = range(0, 127).map((i) => waiting(`r${i}`, { tokenIds: [5000 + i] }));
    const warm = () => waiting("warm", { tokenIds: range(100, 49) });
    expect(order("lpm", [...cold, warm()], { cache })).toMatch(/^warm r0 /);
    const long = [...cold, waiting("one more"), warm()];
    expect(order("lpm", long, { cache })).toMatch(/ one more warm$/);
  });

  it("dfs-weight walks the heaviest branch first, deeper requests before shallower", () => {
    const cache = createCache();
    cachePrefix(cache, range(0, 8));
    cachePrefix(cache, [...range(0, 4), ...range(50, 4)]);
    cachePrefix(cache, range(200, 4));
    const queue = [
      waiting("light", { tokenIds: [...range(200, 4), 9] }),
      waiting("at the fork", { tokenIds: [...range(0, 4), 9] }),
      waiting("left", { tokenIds: [...range(0, 8), 9] }),
      waiting("right 1", { tokenIds: [...range(0, 4), ...range(50, 4), 1] }),
      waiting("uncached", { tokenIds: range(900, 5) }),
      waiting("right 2", { tokenIds: [...range(0, 4), ...range(50, 4), 2] }),
    ];
    expect(order("dfs-weight", queue, { cache })).toBe(
      "right 1 right 2 left at the fork light uncached",
    );
  });

  it("are known by name, and unknown names are refused with the list", () => {
    for (const name of policyNames) expect(createPolicy(name).name).toBe(name);
    expect(() => createPolicy("lru" as PolicyName)).toThrow(/"lru".*fcfs, lpm, dfs-weight/);
  });
});
