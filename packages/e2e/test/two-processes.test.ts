// A frontend and a worker in processes of their own, meeting through files and talking over TCP.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import OpenAI from "openai";
import { afterEach, expect, test } from "vitest";
import { untilRouted } from "../src/deployment.ts";
import { type StartedProgram, startProgram } from "../src/start-program.ts";

const open: StartedProgram[] = [];
const folder = mkdtempSync(join(tmpdir(), "dyn-e2e-"));
afterEach(async () => {
  await Promise.all(open.splice(0).map((program) => program.stop("SIGKILL")));
  rmSync(folder, { recursive: true, force: true });
});

const plane = ["--discovery-backend", "file"];
const env = {
  DYN_FILE_KV: folder,
  DYN_HTTP_HOST: "127.0.0.1",
  DYN_HTTP_PORT: "0",
  DYN_GRACEFUL_SHUTDOWN_GRACE_PERIOD_SECS: "2",
};

async function start(app: string, args: readonly string[], ready: RegExp) {
  const program = await startProgram({ app, args: [...args, ...plane], env, ready });
  open.push(program);
  return program;
}

const startWorker = () =>
  start(
    "worker",
    [
      "--model-path",
      "packages/tiny-models/models/dyn-tiny-chat",
      "--served-model-name",
      "tiny",
      "--engine",
      "mock",
    ],
    /"model":"(tiny)"/,
  );

test("workers come and go while a frontend serves", async () => {
  const frontend = await start("frontend", [], /"url":"(http:[^"]+)"/);
  const client = new OpenAI({ baseURL: `${frontend.ready}/v1`, apiKey: "none", maxRetries: 0 });
  expect((await client.models.list()).data).toEqual([]);

  const worker = await startWorker();
  await expect
    .poll(async () => (await client.models.list()).data.map(({ id }) => id))
    .toEqual(["tiny"]);
  const ask = () =>
    client.chat.completions.create({
      model: "tiny",
      messages: [{ role: "user", content: "Hello" }],
      max_tokens: 12,
      ...{ ignore_eos: true },
    });
  const answer = await ask();
  expect(answer.usage?.completion_tokens).toBe(12);

  const second = await startWorker();
  await untilRouted(frontend.ready, 2);
  // A worker that leaves under load drops nothing.
  let isStopping = true;
  const stopped = worker.stop().finally(() => {
    isStopping = false;
  });
  const asking = async () => {
    while (isStopping) expect((await ask()).usage?.completion_tokens).toBe(12);
  };
  await Promise.all(Array.from({ length: 4 }, asking));
  expect(await stopped).toBe(0);
  expect((await ask()).usage?.completion_tokens).toBe(12);

  expect(await second.stop()).toBe(0);
  await expect.poll(async () => (await client.models.list()).data).toEqual([]);
  await expect(ask()).rejects.toMatchObject({ status: 404 });
  expect(await frontend.stop()).toBe(0);
});
