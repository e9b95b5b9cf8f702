// Silence is the worker's, not this process's own.
import { expect, test } from "vitest";
import { SilenceWatch } from "../src/migration/silence-watch.ts";

/** Nothing else runs meanwhile, as in a process that was stopped. */
function standStill(forMs: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, forMs);
}

test("a process that stood still for longer than its limits takes no stream for silent, and counts from there", async () => {
  const limits = { begunMs: 2_000, withdrawnMs: 2_000, timeoutMs: 2_000 };
  const watch = new SilenceWatch(limits, () => new Set([1n]));
  const silent: string[] = [];
  const [begun, asked, gone] = ["begun", "asked", "gone"].map((name) =>
    watch.add(() => silent.push(name)),
  );
  gone!.instanceId = 2n;
  begun!.handOver();
  for (const stream of [begun, asked, gone]) stream!.await();
  standStill(4_000);
  // The look that was due meanwhile comes first.
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(silent).toEqual([]);
  begun!.end();
  await expect.poll(() => silent).toEqual(["asked", "gone"]);
  expect(asked!.failure).toMatchObject({ code: "DYN_RUNTIME_STREAM_TIMEOUT" });
  expect(begun!.failure).toBeNull();
});

test("one whose worker has left discovery may be paused, and waits longer than one whose worker is there", async () => {
  const limits = { begunMs: 1_000, withdrawnMs: 60_000, timeoutMs: null };
  const watch = new SilenceWatch(limits, () => new Set([1n]));
  const silent: string[] = [];
  const [here, paused] = ["here", "paused"].map((name) => watch.add(() => silent.push(name)));
  here!.instanceId = 1n;
  paused!.instanceId = 2n;
  for (const stream of [here, paused]) {
    stream!.handOver();
    stream!.await();
  }
  await expect.poll(() => silent).toEqual(["here"]);
  expect(paused!.failure).toBeNull();
  paused!.end();
});
