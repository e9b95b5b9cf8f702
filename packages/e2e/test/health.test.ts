// What a worker says of its own health, as processes: stuck, slow, overloaded and sound ones.
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { askUntilSeen } from "../src/ask-until-seen.ts";
import { complete, Deployment, untilListed, untilRouted } from "../src/deployment.ts";

let deployment: Deployment;
beforeEach(() => {
  deployment = new Deployment({ DYN_SYSTEM_PORT: "0" });
});
afterEach(() => deployment.close());

const preload = fileURLToPath(new URL("./preload/stop-engine.mjs", import.meta.url));
const canary = {
  DYN_HEALTH_CHECK_ENABLED: "true",
  DYN_CANARY_WAIT_TIME: "0.2",
  DYN_HEALTH_CHECK_REQUEST_TIMEOUT: "0.5",
};

interface Page {
  readonly status: number;
  readonly body: {
    readonly status: string;
    readonly endpoints: Readonly<Record<string, string>>;
    readonly reasons?: Readonly<Record<string, string>>;
  };
}

async function read(systemUrl: string | null, path = "/health"): Promise<Page> {
  const answer = await fetch(`${systemUrl}${path}`);
  return { status: answer.status, body: (await answer.json()) as Page["body"] };
}

const until = (systemUrl: string | null, status: number) =>
  expect.poll(async () => (await read(systemUrl)).status).toBe(status);

/** A worker with the bundled model itself, whose engine `stop` stops in mid-step. */
async function startStoppable(name: string, env: Readonly<Record<string, string>>) {
  const file = join(deployment.folder, `${name}.stop`);
  const worker = await deployment.startWorker(["--engine", "onnx", "--migration-limit", "3"], {
    NODE_OPTIONS: `--import=${preload}`,
    DYN_TEST_STOP_FILE: file,
    ...env,
  });
  return {
    ...worker,
    stop: () => writeFileSync(file, ""),
    goOn: () => rmSync(file, { force: true }),
  };
}

test("an engine stopped in mid-step makes its worker not ready, its requests go on elsewhere, and it comes back", async () => {
  // Longer than a busy machine lets any thread wait.
  const env = { DYN_HEALTH_CHECK_BUSY_STALL: "8" };
  const workers = [await startStoppable("a", env), await startStoppable("b", env)];
  const { ready: url } = await deployment.startFrontend();
  await untilRouted(url, 2);
  const ask = () => complete(url, "Once", 800);
  const whole = await ask();
  expect(whole).toMatchObject({ status: 200, tokenCount: 800 });

  const stopOne = async () => {
    const { answer, worker } = await askUntilSeen(ask, workers);
    worker.stop();
    const isStuck = until(worker.systemUrl, 503).then(() => true);
    isStuck.catch(() => {});
    // One that was over before its engine stopped is asked for again.
    if (await Promise.race([isStuck, answer.then(() => false)])) return { moved: answer, worker };
    worker.goOn();
    await until(worker.systemUrl, 200);
    return null;
  };
  let stopped = await stopOne();
  while (stopped === null) stopped = await stopOne();
  const { moved, worker: stuck } = stopped;
  expect((await read(stuck.systemUrl)).body).toMatchObject({
    status: "notready",
    endpoints: { generate: "notready" },
    reasons: { progress: expect.stringContaining("nothing has been done") },
  });
  expect((await read(stuck.systemUrl, "/live")).status).toBe(200);
  expect(await moved).toMatchObject({ status: 200, text: whole.text, tokenCount: 800 });
  const page = await (await fetch(`${url}/metrics`)).text();
  expect(page).toMatch(/^dynamo_frontend_model_migration_total\{.*\} [1-9]/m);
  // While it is stuck nobody is sent there.
  expect(await complete(url, "Twice", 5)).toMatchObject({ status: 200, tokenCount: 5 });

  stuck.goOn();
  await until(stuck.systemUrl, 200);
  const other = workers.find((worker) => worker !== stuck)!;
  await other.stop();
});

test("an engine that hangs while nothing runs is found by the request that it never heard of", async () => {
  const worker = await startStoppable("hung", { DYN_HEALTH_CHECK_BUSY_STALL: "1" });
  const { ready: url } = await deployment.startFrontend();
  await untilListed(url, "tiny");
  expect(await complete(url, "Once", 3)).toMatchObject({ status: 200 });
  worker.stop();
  const [answer] = await Promise.all([complete(url, "Twice", 3), until(worker.systemUrl, 503)]);
  // Nobody else is there to go on with it.
  expect(answer.status).toBe(503);
  expect((await read(worker.systemUrl)).body.reasons).toMatchObject({
    progress: expect.stringContaining("nothing has been done"),
  });
  worker.goOn();
  await until(worker.systemUrl, 200);
});

test("an idle worker is asked by its canary: stopped it is not ready, and alive", async () => {
  const worker = await startStoppable("idle", { ...canary, DYN_HEALTH_CHECK_BUSY_STALL: "20" });
  await until(worker.systemUrl, 200);
  worker.stop();
  await until(worker.systemUrl, 503);
  expect((await read(worker.systemUrl)).body.reasons).toMatchObject({
    canary: expect.stringContaining("has not been answered within"),
  });
  expect((await read(worker.systemUrl, "/live")).status).toBe(200);
  worker.goOn();
  await until(worker.systemUrl, 200);
});

test.each([
  ["aggregated", []],
  ["text", ["--use-sglang-tokenizer"]],
  ["prefill", ["--disaggregation-mode", "prefill"]],
  ["decode", ["--disaggregation-mode", "decode"]],
])("the canary of a worker of type %s is answered by its engine", async (_, args) => {
  const worker = await deployment.startWorker(args, canary);
  await until(worker.systemUrl, 200);
  const prompts = async () => {
    const page = await (await fetch(`${worker.systemUrl}/metrics`)).text();
    return Number(/^sglang:prompt_tokens_total\{.*\} (\S+)/m.exec(page)?.[1]);
  };
  await expect.poll(prompts).toBeGreaterThan(0);
  const before = await prompts();
  await expect.poll(prompts).toBeGreaterThan(before);
});

test.each([
  ["embedding", "packages/tiny-models/models/dyn-tiny-embed"],
  ["rerank", "packages/engine-onnx/test/fixtures/rerank-qwen3"],
])("the canary of a worker of type %s is answered by its engine", async (type, model) => {
  const args = [`--${type}-worker`, "--model-path", model];
  const worker = await deployment.startVectorWorker(args, canary);
  await until(worker.systemUrl, 200);
  const texts = async () => {
    const page = await (await fetch(`${worker.systemUrl}/metrics`)).text();
    return Number(/^sglang:prompt_tokens_total\{.*\} (\S+)/m.exec(page)?.[1]);
  };
  await expect.poll(texts).toBeGreaterThan(0);
  const before = await texts();
  await expect.poll(texts).toBeGreaterThan(before);
});

test("a payload of one's own is used; what cannot be read is not; one that is refused says why", async () => {
  const bad = await deployment.startWorker([], {
    ...canary,
    DYN_HEALTH_CHECK_PAYLOAD: '{"token_ids":[99999999]}',
  });
  await expect
    .poll(async () => (await read(bad.systemUrl)).body.reasons?.canary)
    .toContain("Its own request failed");
  const unreadable = await deployment.startWorker([], {
    ...canary,
    DYN_HEALTH_CHECK_PAYLOAD: "@/nowhere/payload.json",
  });
  await until(unreadable.systemUrl, 200);
  await expect.poll(() => unreadable.output()).toContain("the health check payload cannot be used");
});

test("a slow first token and overload are not reported as anything", async () => {
  const { ready: url } = await deployment.startFrontend();
  const slow = ["--mock-prefill-us-per-token", "300000", "--engine-request-limit", "1"];
  const worker = await deployment.startWorker(slow, {
    ...canary,
    // Less than the first token takes, and more than a probe may where the machine is busy.
    DYN_HEALTH_CHECK_REQUEST_TIMEOUT: "5",
    DYN_DYNAMO_REQUEST_QUEUE_LIMIT: "1",
  });
  await until(worker.systemUrl, 200);
  await untilListed(url, "tiny");
  const words = "one two three four ".repeat(5);
  const asked = Array.from({ length: 5 }, (_, i) => complete(url, `${i} ${words}`, 3));
  let areDone = false;
  const answers = Promise.all(asked).finally(() => {
    areDone = true;
  });
  while (!areDone) expect((await read(worker.systemUrl)).status).toBe(200);
  const statuses = (await answers).map(({ status }) => status);
  expect(statuses).toContain(200);
  expect(statuses).toContain(529);
});
