// Workers that are asked to leave, as processes: nobody who is served notices, and the exit code says what happened.

import { afterEach, expect, test } from "vitest";
import { askUntilSeen } from "../src/ask-until-seen.ts";
import { complete, Deployment, untilListed, untilRouted } from "../src/deployment.ts";
import { untilMetric } from "../src/read-metrics.ts";

let deployment: Deployment;
afterEach(() => deployment.close());

test("two workers are replaced one after the other under load, and no request is lost", async () => {
  deployment = new Deployment({ DYN_GRACEFUL_SHUTDOWN_GRACE_PERIOD_SECS: "1" });
  const frontend = await deployment.startFrontend();
  const url = frontend.ready;
  const old = [await deployment.startWorker(), await deployment.startWorker()];
  await untilRouted(url, 2);
  const expected = await complete(url, "Once", 24);
  expect(expected).toMatchObject({ status: 200, tokenCount: 24 });

  let isReplacing = true;
  let count = 0;
  const client = async () => {
    while (isReplacing) {
      expect(await complete(url, "Once", 24)).toEqual(expected);
      count += 1;
    }
  };
  const clients = Promise.all(Array.from({ length: 6 }, client));
  clients.catch(() => {});
  for (const worker of old) {
    await deployment.startWorker();
    await untilRouted(url, 3);
    expect(await worker.stop()).toBe(0);
    await untilRouted(url, 2);
  }
  isReplacing = false;
  await clients;
  expect(count).toBeGreaterThan(20);
});

test("when the time for draining runs out, what runs goes on at another worker, whole, and the exit code is 3", async () => {
  deployment = new Deployment({
    DYN_GRACEFUL_SHUTDOWN_GRACE_PERIOD_SECS: "0",
    DYN_RUNTIME_GRACEFUL_SHUTDOWN_TIMEOUT_SECS: "0.3",
  });
  const frontend = await deployment.startFrontend(["--migration-limit", "3"]);
  const slow = ["--mock-decode-ms-per-step", "40"];
  const first = await deployment.startWorker(slow, { DYN_SYSTEM_PORT: "0" });
  const second = await deployment.startWorker(slow);
  await untilRouted(frontend.ready, 2);
  const prompts = ["One", "Two", "Three", "Four"];
  const ask = () => Promise.all(prompts.map((prompt) => complete(frontend.ready, prompt, 150)));
  const { answer } = await askUntilSeen(ask, [first]);
  expect(await first.stop()).toBe(3);
  expect(first.output()).toContain("requests still run");
  const moved = await answer;
  for (const answer of moved) expect(answer).toMatchObject({ status: 200, tokenCount: 150 });
  const page = await (await fetch(`${frontend.ready}/metrics`)).text();
  expect(page).toMatch(/^dynamo_frontend_model_migration_total\{.*ongoing_request.*\} [1-9]/m);
  const whole = await ask();
  expect(moved.map(({ text }) => text)).toEqual(whole.map(({ text }) => text));
  expect(await second.stop()).toBe(0);
});

test("without another worker a request that is cut off is a typed error, never a short answer", async () => {
  deployment = new Deployment({
    DYN_GRACEFUL_SHUTDOWN_GRACE_PERIOD_SECS: "0",
    DYN_RUNTIME_GRACEFUL_SHUTDOWN_TIMEOUT_SECS: "0.2",
  });
  const frontend = await deployment.startFrontend();
  const worker = await deployment.startWorker(["--mock-decode-ms-per-step", "50"], {
    DYN_SYSTEM_PORT: "0",
  });
  await untilListed(frontend.ready, "tiny");
  const answer = complete(frontend.ready, "Once", 1_000);
  await untilMetric(worker.systemUrl!, "sglang:num_running_reqs", (value) => value > 0);
  expect(await worker.stop()).toBe(3);
  expect(await answer).toMatchObject({ status: 503, error: { type: "service_unavailable" } });
});

test.each([
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const)("a second %s ends a drain at once with %i", async (signal, code) => {
  deployment = new Deployment({ DYN_GRACEFUL_SHUTDOWN_GRACE_PERIOD_SECS: "60" });
  const worker = await deployment.startWorker();
  worker.process.kill(signal);
  await expect.poll(() => worker.output()).toContain("draining");
  expect(await worker.stop(signal)).toBe(code);
});
