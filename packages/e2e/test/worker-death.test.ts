// A worker's process is killed in mid-answer: the frontend goes on at the other one, and the client notices nothing.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { askUntilSeen } from "../src/ask-until-seen.ts";
import { untilRouted } from "../src/deployment.ts";
import { type StartedProgram, startProgram } from "../src/start-program.ts";

const open: StartedProgram[] = [];
const folder = mkdtempSync(join(tmpdir(), "dyn-e2e-"));
afterEach(async () => {
  await Promise.all(open.splice(0).map((program) => program.stop("SIGKILL")));
  rmSync(folder, { recursive: true, force: true });
});

const model = "packages/tiny-models/models/dyn-tiny-chat";
const env = {
  DYN_DISCOVERY_BACKEND: "file",
  DYN_FILE_KV: folder,
  DYN_HTTP_HOST: "127.0.0.1",
  DYN_HTTP_PORT: "0",
  DYN_SYSTEM_HOST: "127.0.0.1",
  DYN_SYSTEM_PORT: "0",
};

async function start(app: string, args: readonly string[], ready: RegExp) {
  const program = await startProgram({ app, args, env, ready });
  open.push(program);
  return program;
}

async function startWorker() {
  const args = ["--model-path", model, "--served-model-name", "tiny", "--engine", "mock"];
  const worker = await start(
    "worker",
    // As older releases had it: the worker says how often its requests may move.
    [
      ...[...args, "--mock-decode-ms-per-step", "40"],
      ...["--migration-limit", "3", "--migration-max-seq-len", "4096"],
    ],
    /"model":"(tiny)"/,
  );
  const system = /"url":"(http:[^"]+)"/.exec(worker.output())?.[1];
  if (system === undefined) throw new Error(`No system server:\n${worker.output()}`);
  const page = async (path: string) => {
    const answer = await fetch(`${system}${path}`);
    return { status: answer.status, text: await answer.text() };
  };
  return { ...worker, page, systemUrl: system };
}

test("an answer whose worker is killed is complete and the same", async () => {
  const workers = [await startWorker(), await startWorker()];
  for (const { page } of workers) {
    const { status, text } = await page("/health");
    expect(status).toBe(200);
    expect(JSON.parse(text)).toMatchObject({ status: "ready", endpoints: { generate: "ready" } });
  }
  const file = "/v1/metadata/dynamo/backend/generate/tiny/_base/tokenizer_config.json";
  expect((await workers[0]!.page(file)).text).toBe(
    readFileSync(new URL(`../../../${model}/tokenizer_config.json`, import.meta.url), "utf8"),
  );

  const frontend = await start("frontend", [], /"url":"(http:[^"]+)"/);
  const ask = async () => {
    const answer = await fetch(`${frontend.ready}/v1/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        model: "tiny",
        prompt: "Once",
        max_tokens: 100,
        n: 2,
        seed: 3,
        ignore_eos: true,
      }),
    });
    const { choices, usage } = (await answer.json()) as Record<string, unknown>;
    return { status: answer.status, choices, usage };
  };
  await untilRouted(frontend.ready, workers.length);
  const whole = await ask();
  expect(whole).toMatchObject({ usage: { completion_tokens: 200 } });

  const { answer, worker: victim } = await askUntilSeen(ask, workers);
  await victim.stop("SIGKILL");
  const moved = await answer;
  const cached = { usage: { prompt_tokens_details: expect.anything() } };
  expect({ ...moved, usage: { ...(moved.usage as object), ...cached.usage } }).toEqual({
    ...whole,
    usage: { ...(whole.usage as object), ...cached.usage },
  });
  const page = await (await fetch(`${frontend.ready}/metrics`)).text();
  expect(page).toMatch(/^dynamo_frontend_model_migration_total\{.*\} [1-9]/m);
});
