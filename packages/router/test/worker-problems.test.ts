// The reasons for which a worker's cache cannot be known, each told from the rest.
import { createKvRouter } from "@dyn/router";
import { createMemHub, DistributedRuntime } from "@dyn/runtime";
import { expect, test } from "vitest";
import { type ObservedRank, problemOf } from "../src/observe/worker-problems.ts";

const sound: ObservedRank = {
  workerId: 10n,
  dpRank: 0,
  hasSource: true,
  appliedEvents: 5,
  emptyStored: 0,
  storedBlocks: 20,
  blockSize: 16,
  ageMs: 60_000,
  answeredCount: 100,
};

test.each([
  ["sound", {}, null],
  ["new and not heard of yet", { hasSource: false, ageMs: 100 }, null],
  ["no source", { hasSource: false }, "no_kv_events"],
  ["a source that says nothing", { appliedEvents: 0, storedBlocks: 0 }, "no_kv_events"],
  ["nothing to say yet", { appliedEvents: 0, storedBlocks: 0, answeredCount: 3 }, null],
  ["other blocks by its card", { blockSize: 64 }, "block_size_mismatch"],
  ["a card without a block size", { blockSize: 0 }, null],
  ["events without blocks", { emptyStored: 3, storedBlocks: 0 }, "unusable_events"],
])("%s", (_, change, kind) => {
  expect(problemOf({ ...sound, ...change }, 16)?.kind ?? null).toBe(kind);
});

test("a worker is looked at before anybody asks, and forgotten when it leaves", async () => {
  const endpoint = { namespace: "ns", component: "backend", endpoint: "generate" };
  const hub = createMemHub();
  const router = createKvRouter({
    planes: hub.createPlanes(),
    endpoint,
    model: "m",
    blockSize: 16,
  });
  await router.start();
  const worker = new DistributedRuntime(hub.createPlanes());
  const served = await worker.endpoint(endpoint).serve(async function* () {});
  await served.registerModel({
    displayName: "m",
    sourcePath: "/nowhere",
    modelTypes: ["completions"],
    modelInput: "tokens",
    contextLength: 512,
    kvCacheBlockSize: 64,
    endpoint: "dyn://ns.backend.generate",
    created: 1,
  });
  const kinds = () => {
    router.check();
    return router.problems.map(({ kind }) => kind);
  };
  await expect.poll(kinds).toEqual(["block_size_mismatch"]);
  router.setEligible([worker.instanceId]);
  await worker.close();
  await expect.poll(() => router.workers.workerIds).toEqual([]);
  expect(kinds()).toEqual([]);
  await router.close();
});
