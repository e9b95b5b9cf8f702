// Prefill and decode workers that cannot hand over to each other are named when they register, and no request pays for it.
// Over the memory plane, with real engines and real hand-over.
import { parseFrontendArgs, parseWorkerArgs } from "@dyn/args";
import { type RunningFrontend, startFrontend } from "@dyn/frontend";
import { createLogger, parseLogFilter } from "@dyn/logging";
import { createMemHub, type MemHub } from "@dyn/runtime";
import { modelPath } from "@dyn/tiny-models";
import { startWorker } from "@dyn/worker";
import { afterEach, beforeEach, expect, test } from "vitest";
import { complete, untilListed } from "../src/deployment.ts";
import { fetchMetrics, readMetric, untilMetric } from "../src/read-metrics.ts";

let hub: MemHub;
let closers: (() => Promise<unknown>)[];
beforeEach(() => {
  hub = createMemHub();
  closers = [];
});
afterEach(async () => {
  for (const close of closers.toReversed()) await close();
});

function run<A>(args: A): Extract<A, { action: "run" }> {
  if ((args as { action: string }).action !== "run") throw new Error("These print something.");
  return args as Extract<A, { action: "run" }>;
}

function errorsInto(lines: string[]) {
  return createLogger({
    target: "test",
    filter: parseLogFilter("error"),
    destination: { write: (line) => void lines.push(line) },
    format: "jsonl",
  });
}

async function start(role: "prefill" | "decode", ...flags: string[]) {
  const errors: string[] = [];
  const argv = [
    ...["--model-path", modelPath("dyn-tiny-chat"), "--served-model-name", "tiny"],
    ...["--discovery-backend", "mem", "--disaggregation-mode", role, "--threads", "1"],
    ...["--max-total-tokens", "4096", ...flags],
  ];
  const env = {
    DYN_GRACEFUL_SHUTDOWN_GRACE_PERIOD_SECS: "0",
    DYN_SYSTEM_PORT: "0",
    DYN_SYSTEM_HOST: "127.0.0.1",
    DYN_TCP_RPC_HOST: "127.0.0.1",
  };
  const worker = await startWorker({
    args: run(parseWorkerArgs({ argv, env })),
    planes: hub.createPlanes(),
    logger: errorsInto(errors),
    signal: AbortSignal.timeout(60_000),
  });
  closers.push(() => worker.drain());
  return { errors, url: worker.systemUrl! };
}

async function startDoor(): Promise<RunningFrontend & { readonly errors: string[] }> {
  const errors: string[] = [];
  const argv = ["--discovery-backend", "mem", "--http-host", "127.0.0.1", "--http-port", "0"];
  const frontend = await startFrontend({
    args: run(parseFrontendArgs({ argv, env: {} })),
    planes: hub.createPlanes(),
    logger: errorsInto(errors),
  });
  closers.push(() => frontend.drain());
  return { ...frontend, errors };
}

async function lastDecision(url: string) {
  const answer = await fetch(`${url}/debug/routing`);
  const { prefill } = (await answer.json()) as {
    prefill: { decisions: { flow: string; reason: string; worker_id: string | null }[] }[];
  };
  return prefill[0]?.decisions[0];
}

async function healthOf(url: string) {
  const answer = await fetch(`${url}/health`);
  const { notices = {} } = (await answer.json()) as { notices?: Record<string, string> };
  return { status: answer.status, notice: notices["hand-over"] ?? null };
}

const prompt = "The harbour at night, and so on. ".repeat(8);
const difference = "the type of KV elements is float16 in prefill and float32 in decode";

test("a pair with other KV is refused when it registers, and the decode worker prefills", async () => {
  const door = await startDoor();
  const decode = await start("decode", "--kv-cache-dtype", "float32");
  await untilListed(door.url, "tiny");
  const whole = await complete(door.url, prompt, 8);
  const prefill = await start("prefill", "--kv-cache-dtype", "float16");
  for (const { url, errors } of [decode, prefill]) {
    await expect
      .poll(() => healthOf(url))
      .toEqual({ status: 200, notice: expect.stringContaining(difference) });
    expect(readMetric(await fetchMetrics(url), "dyn_hand_over_mismatched_peers")).toBe(1);
    expect(errors.filter((line) => line.includes(difference))).toHaveLength(1);
  }
  const prefills = async () =>
    readMetric(await fetchMetrics(prefill.url), "sglang:num_requests_total");
  // Those with which it warmed itself up.
  const before = await prefills();
  await untilMetric(door.url, "dyn_router_mismatched_pairs", (count) => count === 1);
  expect(await complete(door.url, prompt, 8)).toMatchObject({ status: 200, text: whole.text });
  expect(await lastDecision(door.url)).toMatchObject({ flow: "local", reason: "mismatched" });
  expect(door.errors.filter((line) => line.includes(difference))).toHaveLength(1);
  // Nobody met anybody: no prompt was computed twice.
  expect(await fetchMetrics(decode.url)).not.toContain("dyn_hand_over_own_prefills_total{");
  expect(await prefills()).toBe(before);
});

test("pages of another size are converted, beside a worker that fits nobody", async () => {
  const door = await startDoor();
  const decode = await start("decode", "--kv-cache-dtype", "float32", "--page-size", "8");
  await untilListed(door.url, "tiny");
  const whole = await complete(door.url, prompt, 8);
  await start("prefill", "--kv-cache-dtype", "float16");
  const fit = await start("prefill", "--kv-cache-dtype", "float32", "--page-size", "32");
  await expect.poll(() => healthOf(decode.url)).toMatchObject({ status: 200 });
  expect(await healthOf(fit.url)).toEqual({ status: 200, notice: null });
  await expect
    .poll(async () => {
      await complete(door.url, prompt, 1);
      return (await lastDecision(door.url))?.reason;
    })
    .toBe("pool");
  const chosen: (string | null)[] = [];
  while (chosen.length < 6) {
    const answer = await complete(door.url, prompt, 8);
    expect(answer).toMatchObject({ status: 200, text: whole.text });
    const decision = await lastDecision(door.url);
    // A busy machine may let a second pass before a prefill worker answers, who is then left alone for some more.
    if (decision?.reason === "pool") chosen.push(decision.worker_id);
  }
  expect(new Set(chosen).size).toBe(1);
  expect(await fetchMetrics(decode.url)).not.toMatch(/own_prefills_total\{.*MISMATCH/i);
});
