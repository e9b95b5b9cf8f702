import { expect, it } from "vitest";
import { createCore } from "./oracle/create-core.ts";
import { runToEnd } from "./oracle/drive.ts";
import { makeRequest } from "./oracle/make-request.ts";

/** A clock that goes on by one at each look. */
function createTimedCore(maxRunningRequests = 8) {
  let nowMs = 1000;
  const { core, heard } = createCore({ now: () => nowMs++, maxRunningRequests });
  return { core, outputs: heard.outputs };
}

it("is told with the first output of each choice, and never again", async () => {
  const { core, outputs } = createTimedCore();
  core.submit(makeRequest({ tokenIds: [1, 2, 3], n: 2, sampling: { maxNewTokens: 4 } }));
  await runToEnd(core);
  for (const index of [0, 1]) {
    const [first, ...later] = outputs.filter((it) => it.index === index);
    const { receivedMs, scheduledMs, firstTokenMs } = first!.timing!;
    expect(receivedMs).toBeLessThan(scheduledMs!);
    expect(scheduledMs).toBeLessThan(firstTokenMs!);
    expect(later.length).toBeGreaterThan(0);
    for (const output of later) expect(output).not.toHaveProperty("timing");
  }
  const timings = outputs.flatMap(({ timing }) => timing ?? []);
  expect(new Set(timings.map(({ receivedMs }) => receivedMs)).size).toBe(1);
  expect(new Set(timings.map(({ scheduledMs }) => scheduledMs)).size).toBe(1);
});

it("says of a request that ends in the queue that it was never scheduled", async () => {
  const { core, outputs } = createTimedCore(1);
  core.submit(makeRequest({ requestId: "first", tokenIds: [1, 2], sampling: { maxNewTokens: 4 } }));
  await core.step();
  core.submit(
    makeRequest({ requestId: "second", tokenIds: [3, 4], sampling: { maxNewTokens: 4 } }),
  );
  core.abort("second");
  await runToEnd(core);
  const second = outputs.find(({ requestId }) => requestId === "second")!;
  expect(second.timing).toMatchObject({ scheduledMs: null, firstTokenMs: null });
});
