// What a router believes of prompts that it has sent: instead of events, and beside them until they come.
import { createBlockHasher } from "@dyn/kv-events";
import type { PreprocessedRequest } from "@dyn/protocol";
import { createKvRouter, type RouterSettings } from "@dyn/router";
import { createMemHub } from "@dyn/runtime";
import { expect, test } from "vitest";

const blockSize = 4;
const workerIds = [1n, 2n];

function startRouter(settings: Partial<RouterSettings>) {
  let nowMs = 0;
  const router = createKvRouter({
    planes: createMemHub().createPlanes(),
    endpoint: { namespace: "ns", component: "backend", endpoint: "generate" },
    model: "m",
    blockSize,
    settings,
    random: () => 0,
    now: () => nowMs,
  });
  let count = 0;
  const toRequest = (from: number, length: number): PreprocessedRequest => ({
    model: "m",
    token_ids: Array.from({ length }, (_, i) => from + i),
    stop_conditions: {},
    sampling_options: {},
    output_options: {},
    eos_token_ids: [],
    annotations: [],
  });
  return {
    router,
    wait: (ms: number) => {
      nowMs += ms;
    },
    /** Blocks that are believed to be at each worker. */
    believed(from: number, length: number) {
      const { record } = router.choose({
        request: toRequest(from, length),
        requestId: null,
        workerIds,
      });
      return workerIds.map(
        (id) => record.candidates.find(({ workerId }) => workerId === id)!.deviceBlocks,
      );
    },
    /** Sends it there and ends it. */
    send(workerId: bigint, from: number, length: number) {
      const request = toRequest(from, length);
      const requestId = String(count++);
      const choice = router.choose({ request, requestId, workerIds, pin: workerId });
      router.book(requestId, choice, request);
      router.free(requestId, choice, length / blockSize, true);
    },
    stored(workerId: bigint, from: number, length: number) {
      const { localHashes, sequenceHashes } = createBlockHasher().hashTokens(
        toRequest(from, length).token_ids,
        { blockSize },
      );
      router.index.applyStored(workerId, 0, {
        parentHash: null,
        blockHashes: sequenceHashes,
        tokensHashes: localHashes,
      });
    },
  };
}

test("beside events a prompt counts from its routing on, for its time; the longer prefix of the two counts", () => {
  const { believed, send, stored, wait } = startRouter({ predictedTtlMs: 5_000 });
  send(2n, 0, 40);
  expect(believed(0, 40)).toEqual([0, 10]);
  stored(2n, 0, 20);
  expect(believed(0, 40)).toEqual([0, 10]);
  wait(5_001);
  // Half of it was cancelled: the engine never told of that.
  expect(believed(0, 40)).toEqual([0, 5]);
  stored(1n, 0, 40);
  expect(believed(0, 40)).toEqual([10, 5]);
});

test("without that time events alone count", () => {
  const { believed, send, stored } = startRouter({});
  send(2n, 0, 40);
  expect(believed(0, 40)).toEqual([0, 0]);
  stored(2n, 0, 40);
  expect(believed(0, 40)).toEqual([0, 10]);
});

test("without events a prompt is believed in for its time after it was last sent", () => {
  const { believed, send, stored, wait } = startRouter({
    useKvEvents: false,
    approximateTtlMs: 2_000,
  });
  send(1n, 0, 40);
  stored(2n, 0, 40);
  expect(believed(0, 40)).toEqual([10, 0]);
  wait(1_500);
  send(1n, 0, 20);
  wait(501);
  expect(believed(0, 40)).toEqual([5, 0]);
  wait(1_500);
  expect(believed(0, 40)).toEqual([0, 0]);
});

test("without a time it is believed in until there is no room: what was used longest ago goes first", () => {
  const settings = { useKvEvents: false, approximateTtlMs: null, indexBytes: 70 * 100 };
  const { router, believed, send, wait } = startRouter(settings);
  for (let i = 0; i < 100; i++) {
    send(1n, 0, 40);
    send(1n, 1000 * (i + 1), 40);
    wait(60_000);
  }
  expect(believed(0, 40)).toEqual([10, 0]);
  expect(believed(1000, 40)).toEqual([0, 0]);
  expect(router.guesses!.blockCount).toBeLessThanOrEqual(100);
  expect(router.guesses!.evictions.blockCount).toBeGreaterThan(800);
});
