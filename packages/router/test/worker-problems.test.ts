// The reasons for which a worker's cache cannot be known, each told from the rest.
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
