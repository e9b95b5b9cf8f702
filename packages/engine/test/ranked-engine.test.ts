// Ranks behind one door: who takes a request, and that all of them are one engine to whoever counts.
import {
  createMockEngine,
  createRankedEngine,
  type Engine,
  type GenerateRequest,
} from "@dyn/engine";
import { afterEach, beforeEach, expect, test } from "vitest";
import { makeRequest } from "./oracle/make-request.ts";

const prompt = [1, 2, 3, 4, 5, 6, 7, 8, 9];
let ranks: Engine[];
let engine: ReturnType<typeof createRankedEngine>;
beforeEach(() => {
  ranks = [0, 1, 2].map(() => createMockEngine({ vocabSize: 100, pageCount: 32, pageSize: 4 }));
  engine = createRankedEngine(ranks);
});
afterEach(() => engine.close());

async function run(request: GenerateRequest) {
  for await (const _ of engine.generate(request));
  return ranks.map((rank) => rank.metrics().finishedRequests);
}

test("a request goes to the rank that it names", async () => {
  expect(await run({ ...makeRequest({ tokenIds: prompt }), dataParallelRank: 2 })).toEqual([
    0, 0, 1,
  ]);
  expect(await run({ ...makeRequest({ tokenIds: prompt }), dataParallelRank: 0 })).toEqual([
    1, 0, 1,
  ]);
});

test("a rank that is not there is the request's fault", async () => {
  await expect(
    run({ ...makeRequest({ tokenIds: prompt }), dataParallelRank: 3 }),
  ).rejects.toMatchObject({ status: 400, param: "dp_rank" });
});

test("without a rank, the one with the fewest requests takes it", async () => {
  const open = ["a", "b", "c"].map((requestId) => {
    const stream = engine
      .generate(makeRequest({ requestId, tokenIds: prompt }))
      [Symbol.asyncIterator]();
    return { stream, first: stream.next() };
  });
  await Promise.all(open.map(({ first }) => first));
  for (const { stream } of open) while (!(await stream.next()).done);
  expect(ranks.map((rank) => rank.metrics().finishedRequests)).toEqual([1, 1, 1]);
});

test("half of a pair goes to the remainder of its room", async () => {
  const half = {
    role: "prefill",
    bootstrapHost: "h",
    bootstrapPort: 1,
    bootstrapRoom: 7n,
  } as const;
  const asked: number[] = [];
  const spies = ranks.map(
    (rank, i) =>
      new Proxy(rank, {
        get: (target, name) => {
          if (name === "generate") asked.push(i);
          return Reflect.get(target, name, target);
        },
      }),
  );
  const stream = createRankedEngine(spies).generate({
    ...makeRequest({ tokenIds: prompt }),
    disaggregation: half,
  });
  await stream.next().catch(() => {});
  expect(asked).toEqual([1]);
});

test("figures are those of all ranks, capacities those of one", async () => {
  await run({ ...makeRequest({ tokenIds: prompt }), dataParallelRank: 0 });
  await run({ ...makeRequest({ tokenIds: prompt }), dataParallelRank: 1 });
  expect(engine.metrics()).toMatchObject({ finishedRequests: 2, pagesTotal: 96, handOver: null });
  expect(engine.info.pageCount).toBe(32);
  let clearedCount = 0;
  const end = engine.onKvEvents(({ events }) => {
    clearedCount += events.filter(({ type }) => type === "cleared").length;
  });
  expect(await engine.flushCache()).toBe(true);
  end();
  expect(clearedCount).toBeGreaterThanOrEqual(3);
});
