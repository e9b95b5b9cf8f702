// dyn-frontend --http-workers: several processes on one port that hold limits, count and end as one.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type Agent, type IncomingMessage, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hashApiKey } from "@dyn/gateway";
import { afterAll, beforeAll, expect, test } from "vitest";
import { childrenOf } from "../src/process-tree.ts";
import { fetchMetrics, readMetric } from "../src/read-metrics.ts";
import { type StartedProgram, startProgram } from "../src/start-program.ts";

const workerCount = 3;
const folder = mkdtempSync(join(tmpdir(), "dyn-e2e-"));
const keysFile = join(folder, "keys.yaml");
const secrets = {
  free: "sk-free-0123456789",
  few: "sk-few-0123456789",
  rare: "sk-rare-0123456789",
};
const env = {
  DYN_FILE_KV: join(folder, "kv"),
  DYN_HTTP_HOST: "127.0.0.1",
  DYN_HTTP_PORT: "0",
  DYN_LOGGING_JSONL: "1",
  DYN_HTTP_GRACEFUL_SHUTDOWN_TIMEOUT_SECS: "60",
};
const plane = ["--discovery-backend", "file"];
let frontend: StartedProgram;
let engine: StartedProgram;

function writeKeys(...more: object[]): void {
  const keys = [
    { name: "free", hash: hashApiKey(secrets.free) },
    { name: "few", hash: hashApiKey(secrets.few), concurrent_requests: 4 },
    ...more,
  ];
  // JSON is YAML.
  writeFileSync(keysFile, JSON.stringify({ keys }));
}

beforeAll(async () => {
  writeKeys();
  const model = ["--model-path", "packages/tiny-models/models/dyn-tiny-chat"];
  const mock = ["--engine", "mock", "--mock-decode-ms-per-step", "10"];
  engine = await startProgram({
    app: "worker",
    args: [...model, "--served-model-name", "tiny", ...mock, ...plane],
    env,
    ready: /"model":"(tiny)"/,
  });
  frontend = await startProgram({
    app: "frontend",
    args: [...plane, "--http-workers", String(workerCount), "--api-keys-file", keysFile],
    env,
    ready: /"url":"(http:[^"]+)"/,
  });
});
afterAll(async () => {
  await Promise.all([frontend?.stop("SIGKILL"), engine?.stop("SIGKILL")]);
  rmSync(folder, { recursive: true, force: true });
});

interface Answer {
  readonly status: number;
  readonly text: string;
}

/** Answers that came whole: what the frontend has to have counted. */
let completeCount = 0;

/** Each over a connection of its own, unless an agent is given. */
function ask(
  options: {
    tokens?: number;
    key?: string;
    agent?: Agent;
    signal?: AbortSignal;
    onHead?: () => void;
  } = {},
): Promise<Answer> {
  const { tokens = 2, key = secrets.free, signal } = options;
  const body = JSON.stringify({
    model: "tiny",
    messages: [{ role: "user", content: "Hi" }],
    max_tokens: tokens,
    ignore_eos: true,
    stream: true,
  });
  return new Promise((resolve, reject) => {
    const read = (response: IncomingMessage) => {
      options.onHead?.();
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk) => {
        text += chunk;
      });
      response.on("end", () => {
        const answer = { status: response.statusCode!, text };
        if (isComplete(answer)) completeCount += 1;
        resolve(answer);
      });
      response.on("error", reject);
    };
    const headers = { "content-type": "application/json", authorization: `Bearer ${key}` };
    const agent = options.agent ?? false;
    const url = `${frontend.ready}/v1/chat/completions`;
    const init = { method: "POST", headers, agent, ...(signal === undefined ? {} : { signal }) };
    request(url, init, read).on("error", reject).end(body);
  });
}

const isComplete = ({ status, text }: Answer) =>
  status === 200 && text.trimEnd().endsWith("data: [DONE]");

/** A worker that is slow to answer is shown as it was a moment ago. */
function untilCounted(name: string, value: number, ...labels: string[]): Promise<void> {
  return expect
    .poll(async () => readMetric(await fetchMetrics(frontend.ready), name, ...labels))
    .toBe(value);
}
const untilAllCounted = () =>
  untilCounted("dynamo_frontend_requests_total", completeCount, 'status="success"');

test("connections spread over the workers, and the metrics of all are one page", async () => {
  const pids = childrenOf(frontend.process.pid!);
  expect(pids.length).toBeGreaterThanOrEqual(workerCount);
  const answers = await Promise.all(Array.from({ length: 30 }, () => ask()));
  expect(answers.every(isComplete)).toBe(true);
  const shown = (page: string) => [
    readMetric(page, "dynamo_frontend_requests_total", 'status="success"'),
    readMetric(page, "dynamo_frontend_time_to_first_token_seconds_count"),
    readMetric(page, "dynamo_frontend_inflight_requests"),
    readMetric(page, "dynamo_frontend_model_ready"),
    readMetric(page, "dyn_http_workers"),
  ];
  // Whichever worker is asked.
  const wanted = Array.from({ length: 6 }, () => [30, 30, 0, 1, workerCount]);
  await expect
    .poll(async () => {
      const pages = await Promise.all(wanted.map(() => fetchMetrics(frontend.ready)));
      return pages.map(shown);
    })
    .toEqual(wanted);
});

test("a limit of requests at one time holds for all workers together", async () => {
  const heads: (() => void)[] = [];
  const begun = Array.from({ length: 4 }, (_, i) => new Promise<void>((r) => (heads[i] = r)));
  // They end when their clients leave.
  const leave = new AbortController();
  const { signal } = leave;
  const running = Promise.allSettled(
    heads.map((onHead) => ask({ key: secrets.few, tokens: 3_000, onHead, signal })),
  );
  await Promise.all(begun);
  const more = await Promise.all(Array.from({ length: 12 }, () => ask({ key: secrets.few })));
  expect(more.map(({ status }) => status)).toEqual(Array(12).fill(429));
  expect(more[0]!.text).toContain("few has 4 requests running");
  leave.abort();
  expect((await running).map(({ status }) => status)).toEqual(Array(4).fill("rejected"));
  // Ended ones make room, in full and wherever the next ones arrive; word of it goes from process to process.
  for (let round = 0; round < 3; round++) {
    const together = () => Promise.all(Array.from({ length: 4 }, () => ask({ key: secrets.few })));
    await expect
      .poll(async () => (await together()).map(({ status }) => status))
      .toEqual([200, 200, 200, 200]);
  }
});

test("keys that are written anew count for all workers, and so does a rate", async () => {
  writeKeys({ name: "rare", hash: hashApiKey(secrets.rare), requests_per_minute: 30 });
  // Each worker reads the file by itself: all have when as many askings in turn were let in.
  const probe = () => ask({ key: secrets.rare, tokens: 1 });
  const begunMs = performance.now();
  let admitted = 0;
  const together = async (count: number) => {
    const round = await Promise.all(Array.from({ length: count }, probe));
    const statuses = round.map(({ status }) => status);
    admitted += statuses.filter((status) => status === 200).length;
    return statuses;
  };
  await expect.poll(() => together(workerCount), { interval: 300 }).not.toContain(401);
  // What a slow worker has not given back yet is found by who asks again.
  await expect
    .poll(async () => {
      const statuses = await together(60);
      return statuses.includes(429) && admitted >= 30;
    })
    .toBe(true);
  // Time goes on meanwhile, and the account fills by one in 2 s.
  const filled = Math.ceil((performance.now() - begunMs) / 2_000);
  expect(admitted).toBeLessThanOrEqual(30 + filled);
});

test("a worker that is killed takes only its own connections with it, and is replaced", async () => {
  await untilAllCounted();
  const perWorker = 4;
  const streams = Array.from({ length: workerCount * perWorker }, () => {
    let tellHead = () => {};
    const begun = new Promise<void>((resolve) => {
      tellHead = resolve;
    });
    return { begun, answer: ask({ tokens: 600, onHead: tellHead }) };
  });
  await Promise.all(streams.map(({ begun }) => begun));
  const settled = Promise.allSettled(streams.map(({ answer }) => answer));
  const victim = childrenOf(frontend.process.pid!).at(-1)!;
  process.kill(victim, "SIGKILL");
  // New ones are served meanwhile.
  const fresh = await Promise.all(Array.from({ length: 6 }, () => ask()));
  expect(fresh.every(isComplete)).toBe(true);
  const ends = await settled;
  const lost = ends.filter(({ status }) => status === "rejected").length;
  expect(lost).toBe(perWorker);
  for (const end of ends) if (end.status === "fulfilled") expect(isComplete(end.value)).toBe(true);
  await expect
    .poll(() => frontend.output(), { timeout: 60_000 })
    .toMatch(/Worker \d ended \(SIGKILL\); another takes its place[\s\S]*Worker \d is back/);
  const after = await Promise.all(Array.from({ length: 9 }, () => ask()));
  expect(after.every(isComplete)).toBe(true);
  // What the dead one had counted is not forgotten: totals never go down.
  await untilAllCounted();
  await untilCounted("dyn_http_worker_restarts_total", 1);
  await untilCounted("dynamo_frontend_inflight_requests", 0);
});

test("all workers drain: streams are finished, then everything ends with 0", async () => {
  const pids = childrenOf(frontend.process.pid!);
  const heads: (() => void)[] = [];
  const begun = Array.from({ length: 6 }, (_, i) => new Promise<void>((r) => (heads[i] = r)));
  const streams = heads.map((onHead) => ask({ tokens: 150, onHead }));
  await Promise.all(begun);
  const ended = frontend.stop("SIGTERM");
  expect((await Promise.all(streams)).every(isComplete)).toBe(true);
  expect(await ended).toBe(0);
  for (const pid of pids) await expect.poll(() => isThere(pid)).toBe(false);
});

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

test("what keeps the first worker from starting is told once, and the program ends with 1", async () => {
  const args = [...plane, "--http-workers", "2", "--api-keys-file", join(folder, "none.yaml")];
  const failed = await startProgram({
    app: "frontend",
    args,
    env,
    ready: /^(DYN_GATEWAY_WORKER_START)/m,
  });
  expect(await failed.ended).toBe(1);
  expect(failed.output().match(/none\.yaml cannot be read/g)).toHaveLength(1);
});
