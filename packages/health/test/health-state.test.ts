import { createProgressCheck, HealthState, StallWatch } from "@dyn/health";
import { expect, test } from "vitest";

test("without endpoints the starting status counts, with them only they do", () => {
  const health = new HealthState({ startingStatus: "ready" });
  expect(health.report().status).toBe("ready");
  health.setEndpoint("generate", "notready");
  expect(health.report().status).toBe("notready");
  health.removeEndpoint("generate");
  expect(health.report()).toMatchObject({ status: "ready", endpoints: {} });
});

test("a check that finds something wrong says why and takes every endpoint with it", () => {
  const health = new HealthState({ startingStatus: "ready" });
  health.setEndpoint("generate", "ready");
  let wrong: string | null = null;
  health.addCheck("engine", () => wrong);
  expect(health.report()).not.toHaveProperty("reasons");
  wrong = "The thread died.";
  expect(health.report()).toMatchObject({
    status: "notready",
    endpoints: { generate: "notready" },
    reasons: { engine: "The thread died." },
  });
  wrong = null;
  expect(health.report().status).toBe("ready");
});

test("a notice is told with every report and makes nothing less ready", () => {
  const health = new HealthState({ startingStatus: "ready" });
  health.setEndpoint("generate", "ready");
  let notice: string | null = null;
  health.addNotice("hand-over", () => notice);
  expect(health.report()).not.toHaveProperty("notices");
  notice = "A peer does not fit.";
  expect(health.report()).toMatchObject({
    status: "ready",
    endpoints: { generate: "ready" },
    notices: { "hand-over": "A peer does not fit." },
  });
  expect(health.liveReport()).not.toHaveProperty("notices");
});

test("uptime counts seconds and nanoseconds", () => {
  let now = 1_000;
  const health = new HealthState({ now: () => now });
  now += 82_250.5;
  expect(health.report().uptime).toEqual({ secs: 82, nanos: 250_500_000 });
});

test("work that does not advance is found; idleness, slowness and new work are not stalls", () => {
  let now = 0;
  let reading = { isBusy: false, stepCount: 0 };
  const check = createProgressCheck({ read: () => reading, stallMs: 10_000, now: () => now });
  const at = (ms: number, isBusy: boolean, stepCount: number) => {
    now = ms;
    reading = { isBusy, stepCount };
    return check();
  };
  expect(at(0, false, 0)).toBeNull();
  expect(at(60_000, false, 0)).toBeNull();
  expect(at(120_000, true, 0)).toBeNull();
  expect(at(129_999, true, 0)).toBeNull();
  expect(at(130_000, true, 0)).toContain("10 s");
  expect(at(131_000, true, 1)).toBeNull();
  expect(at(140_999, true, 1)).toBeNull();
  expect(at(141_000, true, 1)).not.toBeNull();
  expect(at(142_000, false, 1)).toBeNull();
  expect(at(200_000, true, 1)).toBeNull();
});

test("what only a new process can mend is told by both reports, the rest by readiness alone", () => {
  const health = new HealthState();
  health.setEndpoint("generate", "ready");
  health.addCheck("canary", () => "No answer.");
  expect(health.report().status).toBe("notready");
  expect(health.liveReport()).toMatchObject({ status: "ready" });
  expect(health.liveReport()).not.toHaveProperty("reasons");
  health.removeCheck("canary");
  expect(health.report().status).toBe("ready");
  health.addLifeCheck("engine", () => "The thread died.");
  for (const report of [health.report(), health.liveReport()]) {
    expect(report).toMatchObject({ status: "notready", reasons: { engine: "The thread died." } });
  }
});

test("a stall that is watched is told when it begins and when it ends", async () => {
  const told: (string | null)[] = [];
  let stalled: string | null = null;
  const watch = new StallWatch({
    check: () => stalled,
    stallMs: 80,
    onChange: (problem) => void told.push(problem),
  });
  stalled = "It stands.";
  await expect.poll(() => told).toEqual(["It stands."]);
  stalled = null;
  await expect.poll(() => told).toEqual(["It stands.", null]);
  watch.close();
});
