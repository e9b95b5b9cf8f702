// dyn-frontend --http-workers with --router-mode kv: processes of one port that route as one.
import { mkdtempSync, rmSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { childrenOf } from "../src/process-tree.ts";
import { type StartedProgram, startProgram } from "../src/start-program.ts";

const folder = mkdtempSync(join(tmpdir(), "dyn-e2e-"));
const plane = ["--discovery-backend", "file"];
const env = {
  DYN_FILE_KV: folder,
  DYN_HTTP_HOST: "127.0.0.1",
  DYN_HTTP_PORT: "0",
  DYN_LOGGING_JSONL: "1",
};
let frontend: StartedProgram;
let engine: StartedProgram;

beforeAll(async () => {
  engine = await startProgram({
    app: "worker",
    args: [
      ...["--model-path", "dyn-tiny-chat", "--served-model-name", "tiny", ...plane],
      ...["--engine", "mock", "--mock-decode-ms-per-step", "40"],
    ],
    env,
    ready: /"model":"(tiny)"/,
  });
  frontend = await startProgram({
    app: "frontend",
    args: [...plane, "--http-workers", "2", "--router-mode", "kv", "--no-router-kv-events"],
    env,
    ready: /"url":"(http:[^"]+)"/,
  });
});
afterAll(async () => {
  await Promise.all([frontend?.stop("SIGKILL"), engine?.stop("SIGKILL")]);
  rmSync(folder, { recursive: true, force: true });
});

/** Over a connection of its own: they are dealt to the processes in turn. */
function ask<Answer>(path: string, body?: object, signal?: AbortSignal): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const options = {
      agent: false,
      ...(signal === undefined ? {} : { signal }),
      method: body === undefined ? "GET" : "POST",
      headers: { "content-type": "application/json" },
    };
    request(frontend.ready + path, options, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk) => {
        text += chunk;
      });
      response.on("end", () => resolve(JSON.parse(text) as Answer));
      response.on("error", reject);
    })
      .on("error", reject)
      .end(body === undefined ? undefined : JSON.stringify(body));
  });
}

async function fromAll<Answer>(path: string): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (let i = 0; i < 4; i++) answers.push(await ask<Answer>(path));
  return answers;
}

interface Thresholds {
  readonly thresholds: readonly Record<string, unknown>[];
}
const shares = async () =>
  (await fromAll<Thresholds>("/busy_threshold")).map(
    ({ thresholds }) =>
      thresholds.find(({ model }) => model === "tiny")?.active_decode_blocks_threshold,
  );

test("a threshold that was set holds in every process, at once", async () => {
  // A process takes requests a moment before it knows the model.
  await expect.poll(shares).toEqual([null, null, null, null]);
  for (const share of [0.5, 0.9, 0.7]) {
    await ask("/busy_threshold", { model: "tiny", active_decode_blocks_threshold: share });
    expect(await shares()).toEqual([share, share, share, share]);
  }
});

test("each process counts what the others have running", async () => {
  interface Health {
    readonly routing: readonly { readonly active_requests: number }[];
  }
  const running = async () =>
    (await fromAll<Health>("/health")).map(({ routing }) => routing[0]?.active_requests);
  await expect.poll(running).toEqual([0, 0, 0, 0]);
  const chat = {
    model: "tiny",
    messages: [{ role: "user", content: "Hello" }],
    // They end when their clients leave.
    max_tokens: 3_000,
    ignore_eos: true,
  };
  const leave = new AbortController();
  const answers = Promise.allSettled(
    Array.from({ length: 2 }, () => ask("/v1/chat/completions", chat, leave.signal)),
  );
  await expect.poll(running).toEqual([2, 2, 2, 2]);
  leave.abort();
  expect((await answers).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  await expect.poll(running).toEqual([0, 0, 0, 0]);
});

test("a process that takes the place of a dead one goes by them too", async () => {
  process.kill(childrenOf(frontend.process.pid!).at(-1)!, "SIGKILL");
  await expect.poll(() => frontend.output(), { timeout: 60_000 }).toMatch(/Worker \d is back/);
  await expect.poll(shares).toEqual([0.7, 0.7, 0.7, 0.7]);
});
