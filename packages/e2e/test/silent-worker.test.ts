// A worker is stopped (SIGSTOP): its connections stay open and nothing comes over them. Its requests go on elsewhere, and
// when it wakes it has nothing of them left and serves again.
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { complete, Deployment, untilListed } from "../src/deployment.ts";
import { flushCache } from "../src/fetch-pages.ts";
import { fetchEngineLoad, fetchMetrics, readMetric, waitUntilIdle } from "../src/read-metrics.ts";

type Worker = Awaited<ReturnType<Deployment["startWorker"]>>;

let deployment: Deployment;
let stopped: Worker | null = null;
beforeEach(() => {
  deployment = new Deployment({ DYN_SYSTEM_PORT: "0" });
});
afterEach(async () => {
  stopped?.process.kill("SIGCONT");
  stopped = null;
  await deployment.close();
});

/** A prompt takes a second and more, in steps that are short. */
const engine = [
  ...["--mock-prefill-us-per-token", "1000", "--chunked-prefill-size", "32"],
  ...["--mock-decode-ms-per-step", "20", "--mock-kv-bytes-per-token", "4096"],
];
const prompt = (topic: string) => `${topic} and so on. `.repeat(150);
const hiding = fileURLToPath(new URL("preload/hide-bootstrap.mjs", import.meta.url));
const impatient = { DYN_PEER_TIMEOUT_SECS: "2" };

async function startAll(roles: readonly ("agg" | "prefill" | "decode")[], isPrefillFirst: boolean) {
  const url = (await deployment.startFrontend(["--migration-limit", "5"], impatient)).ready;
  const workers = await Promise.all(
    roles.map((role) =>
      deployment.startWorker(
        [...(role === "agg" ? [] : ["--disaggregation-mode", role]), ...engine],
        isPrefillFirst && role === "prefill" ? { NODE_OPTIONS: `--import ${hiding}` } : {},
      ),
    ),
  );
  await untilListed(url, "tiny");
  for (const worker of workers) await untilServing(url, worker);
  return { url, workers };
}

const servedCount = async ({ systemUrl }: Worker) => {
  const page = await fetchMetrics(systemUrl!);
  const name = "dynamo_component_requests_total";
  return page.includes(`${name}{`) ? readMetric(page, name) : 0;
};

/** A request has come to it from now on. */
async function untilServing(url: string, worker: Worker): Promise<void> {
  const before = await servedCount(worker);
  await expect
    .poll(
      async () => {
        await complete(url, `Hello ${Math.random()}`, 1);
        return servedCount(worker);
      },
      { timeout: 30_000 },
    )
    .toBeGreaterThan(before);
}

async function firstBusy(workers: readonly Worker[]): Promise<Worker> {
  let found: Worker | null = null;
  const look = async () => {
    for (const worker of workers) {
      if ((await fetchEngineLoad(worker.systemUrl!)).running > 0) found ??= worker;
    }
    return found;
  };
  await expect.poll(look, { interval: 5, timeout: 20_000 }).not.toBeNull();
  return found!;
}

test.each([
  ["aggregated", ["agg", "agg"], [0, 1], false],
  ["decode", ["prefill", "decode", "decode"], [1, 2], false],
  ["prefill", ["prefill", "prefill", "decode"], [0, 1], false],
  ["prefill, the only one,", ["prefill", "decode"], [0], false],
  ["prefill, asked before its decode worker,", ["prefill", "prefill", "decode"], [0, 1], true],
] as const)(
  "a %s worker that says nothing any more costs the answers nothing, and serves again when it wakes",
  { timeout: 120_000 },
  async (_, roles, candidates, isPrefillFirst) => {
    const { url, workers } = await startAll(roles, isPrefillFirst);
    const isDecode = roles[candidates[0]] === "decode";
    const prompts = ["Cats", "Dogs", "Fish"].map((topic) => (isDecode ? topic : prompt(topic)));
    const tokenCount = 100;
    const whole = await Promise.all(prompts.map((it) => complete(url, it, tokenCount)));
    for (const { systemUrl } of workers) await flushCache(systemUrl!);

    const answers = prompts.map((it) => complete(url, it, tokenCount));
    stopped = await firstBusy(candidates.map((index) => workers[index]!));
    stopped.process.kill("SIGSTOP");
    for (const [i, answer] of (await Promise.all(answers)).entries()) {
      expect(answer).toMatchObject({ status: 200, text: whole[i]!.text, tokenCount });
    }
    for (const worker of workers) {
      if (worker !== stopped) await waitUntilIdle(worker.systemUrl!, 30_000);
    }
    stopped.process.kill("SIGCONT");
    await waitUntilIdle(stopped.systemUrl!, 30_000);
    await untilServing(url, stopped);
  },
);

test("a worker that stalls for two seconds loses nothing by default", {
  timeout: 120_000,
}, async () => {
  const url = (await deployment.startFrontend(["--migration-limit", "3"])).ready;
  const worker = await deployment.startWorker(engine);
  await deployment.startWorker(engine);
  await untilListed(url, "tiny");
  await untilServing(url, worker);
  const answers = Array.from({ length: 4 }, (_, i) => complete(url, `${i}`, 150));
  stopped = await firstBusy([worker]);
  stopped.process.kill("SIGSTOP");
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  stopped.process.kill("SIGCONT");
  for (const answer of await Promise.all(answers)) expect(answer).toMatchObject({ status: 200 });
  expect(await fetchMetrics(url)).not.toMatch(
    /^dynamo_frontend_model_migration_total\{.*\} [1-9]/m,
  );
});
