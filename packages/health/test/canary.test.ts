import { Canary } from "@dyn/health";
import { OverloadedError, UnavailableError } from "@dyn/protocol";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

beforeEach(() => vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] }));
afterEach(() => vi.useRealTimers());

interface Probe {
  answer(): void;
  fail(error: unknown): void;
}

/** A canary whose probes the test answers. */
function start(options: { isBusy?: () => boolean } = {}) {
  const probes: Probe[] = [];
  const verdicts: (string | null)[] = [];
  const stoodStill = { ms: 0 };
  const canary = new Canary({
    probe: () =>
      new Promise((resolve, reject) => void probes.push({ answer: resolve, fail: reject })),
    idleMs: 10_000,
    timeoutMs: 3_000,
    longestMs: 120_000,
    isBusy: options.isBusy ?? (() => false),
    onVerdict: (problem) => void verdicts.push(problem),
    now: () => performance.now() + stoodStill.ms,
  });
  canary.start();
  const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);
  return { canary, probes, verdicts, pass, stoodStill };
}

test("probes at once, and again after each quiet time; traffic counts as an answer", async () => {
  const { canary, probes, verdicts, pass } = start();
  await pass(0);
  expect(probes).toHaveLength(1);
  probes[0]!.answer();
  await pass(9_999);
  expect(probes).toHaveLength(1);
  canary.heard();
  await pass(9_999);
  expect(probes).toHaveLength(1);
  await pass(1);
  expect(probes).toHaveLength(2);
  expect(verdicts).toEqual([null]);
});

test("an answer that does not come is a verdict after the time for it; one that comes late is one too", async () => {
  const { probes, verdicts, pass } = start();
  await pass(0);
  probes[0]!.answer();
  await pass(10_000);
  await pass(2_999);
  expect(verdicts).toEqual([null]);
  await pass(1);
  expect(verdicts.at(-1)).toContain("3000 ms");
  // The engine may still have it: no second request is piled on the first.
  await pass(60_000);
  expect(probes).toHaveLength(2);
  probes[1]!.answer();
  await pass(0);
  expect(verdicts.at(-1)).toBeNull();
});

test("a machine whose first tokens are slow is never late for it", async () => {
  const { probes, verdicts, pass } = start();
  await pass(20_000);
  probes[0]!.answer();
  await pass(10_000);
  expect(probes).toHaveLength(2);
  await pass(59_999);
  expect(verdicts).toEqual([null]);
  await pass(1);
  expect(verdicts).toHaveLength(2);
});

test("overload is no verdict, and neither is a late answer while others are served", async () => {
  let isBusy = false;
  const { canary, probes, verdicts, pass } = start({ isBusy: () => isBusy });
  await pass(0);
  probes[0]!.answer();
  await pass(10_000);
  probes[1]!.fail(new OverloadedError("The queue is full."));
  await pass(10_000);
  expect(probes).toHaveLength(3);
  isBusy = true;
  await pass(5_000);
  probes[2]!.answer();
  await pass(60_000);
  // Nobody is probed while there is work.
  expect(probes).toHaveLength(3);
  isBusy = false;
  await pass(10_000);
  canary.heard();
  expect(probes).toHaveLength(4);
  await pass(3_000);
  expect(verdicts).toEqual([null, null]);
});

test("a process that stood still while it waited waits anew: the answer may be there, unread", async () => {
  const { probes, verdicts, pass, stoodStill } = start();
  await pass(0);
  probes[0]!.answer();
  await pass(12_000);
  stoodStill.ms = 20_000;
  await pass(1_000);
  expect(verdicts).toEqual([null]);
  await pass(2_999);
  expect(verdicts).toEqual([null]);
  await pass(1);
  expect(verdicts.at(-1)).toContain("3000 ms");
});

test("a failure says why, and the next answer makes it good", async () => {
  const { probes, verdicts, pass } = start();
  await pass(0);
  probes[0]!.fail(new UnavailableError("The engine is closed."));
  await pass(0);
  expect(verdicts).toEqual(["Its own request failed: The engine is closed."]);
  await pass(10_000);
  probes[1]!.answer();
  await pass(0);
  expect(verdicts.at(-1)).toBeNull();
});

test("a closed canary says and asks nothing more", async () => {
  const { canary, probes, verdicts, pass } = start();
  await pass(0);
  canary.close();
  probes[0]!.answer();
  await pass(60_000);
  expect(verdicts).toEqual([]);
  expect(probes).toHaveLength(1);
});
