// Two workers that tell what they have cached, and a frontend in mode kv: three processes, files and sockets between them.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { modelPath } from "@dyn/tiny-models";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type StartedProgram, startProgram } from "../src/start-program.ts";

const events = '{"publisher":"zmq","topic":"kv-events","endpoint":"tcp://*:*"}';
let folder: string;
let open: StartedProgram[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "dyn-kv-"));
  open = [];
});
afterEach(async () => {
  await Promise.all(open.map((program) => program.stop("SIGKILL")));
  rmSync(folder, { recursive: true, force: true });
});

async function start(app: string, args: readonly string[], ready: RegExp): Promise<StartedProgram> {
  const program = await startProgram({
    app,
    args: [...args, "--discovery-backend", "file"],
    env: { DYN_FILE_KV: folder, DYN_HTTP_HOST: "127.0.0.1", DYN_HTTP_PORT: "0" },
    ready,
  });
  open.push(program);
  return program;
}

const startWorker = (...more: string[]) => {
  const model = ["--model-path", modelPath("dyn-tiny-chat"), "--served-model-name", "tiny"];
  const args = [...model, "--page-size", "4", "--engine", "mock", ...more];
  return start("worker", args, /"model":"(tiny)"/);
};

const text = (who: string) =>
  Array.from({ length: 30 }, (_, i) => `${who} has ${i} apples.`).join(" ");

/** Where it would go: asked in earnest before the event has come, a prompt may end up at both workers. */
const onlyAsk = { annotations: ["query_instance_id:"] };

async function ask(url: string, prompt: string, nvext: Record<string, unknown> = {}) {
  const answer = await fetch(`${url}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-dyn-routing-debug": "1" },
    body: JSON.stringify({
      model: "tiny",
      prompt,
      max_tokens: 4,
      ignore_eos: true,
      nvext: { extra_fields: ["worker_id", "timing"], ...nvext },
    }),
  });
  const body = (await answer.json()) as {
    nvext?: { timing: { kv_hit_rate: number } };
    usage?: { prompt_tokens_details?: { cached_tokens: number } };
  };
  expect([answer.status, body]).toMatchObject([200, {}]);
  const routing = JSON.parse(answer.headers.get("x-dyn-routing")!) as {
    worker: string;
    overlap: number;
    blocks: number;
  };
  return { ...routing, body };
}

const until = (holds: () => Promise<boolean>, what: string) =>
  expect.poll(holds, { message: what }).toBe(true);

test("a prompt that comes again goes where it is cached, also through a frontend that starts later", async () => {
  await startWorker("--kv-events-config", events);
  await startWorker("--kv-events-config", events);
  const startFrontend = async () => {
    const { ready } = await start("frontend", ["--router-mode", "kv"], /"url":"(http:[^"]+)"/);
    await until(
      async () => (await (await fetch(`${ready}/v1/models`)).text()).includes("tiny"),
      "the model is served",
    );
    return ready;
  };
  const url = await startFrontend();
  const homes = new Map<string, string>();
  for (const who of ["Ada", "Bob", "Cleo", "Dan"]) {
    const { worker } = await ask(url, text(who));
    homes.set(who, worker);
    const isKnown = async () => (await ask(url, text(who), onlyAsk)).overlap > 20;
    await until(isKnown, "the prompt is known");
  }
  const later = await startFrontend();
  for (const [who, worker] of homes) {
    for (const at of [url, later]) {
      const isKnown = async () => (await ask(at, text(who), onlyAsk)).overlap > 20;
      await until(isKnown, `${who} is known at ${at}`);
      const asked = await ask(at, text(who));
      expect(asked.worker).toBe(worker);
      expect(asked.body.nvext!.timing.kv_hit_rate).toBeGreaterThan(0.9);
    }
  }
  const debug = async () => {
    const answer = await fetch(`${url}/debug/routing`);
    return ((await answer.json()) as { models: object[] }).models[0];
  };
  await expect.poll(debug).toMatchObject({ worker_problems: [], sources: [{}, {}] });
  const page = await (await fetch(`${url}/metrics`)).text();
  expect(page).toMatch(
    /dynamo_component_kv_cache_events_applied\{[^}]*event_type="stored",status="ok"[^}]*\} [1-9]/,
  );
});

test("a worker that tells nothing is named in /health, in the metrics and once in the log", async () => {
  await startWorker();
  const frontend = await start("frontend", ["--router-mode", "kv"], /"url":"(http:[^"]+)"/);
  const url = frontend.ready;
  await until(
    async () => (await (await fetch(`${url}/v1/models`)).text()).includes("tiny"),
    "served",
  );
  await ask(url, text("Ada"));
  await until(async () => {
    const health = (await (await fetch(`${url}/health`)).json()) as {
      routing?: { worker_problems: { kind: string }[] }[];
    };
    return health.routing?.[0]?.worker_problems[0]?.kind === "no_kv_events";
  }, "the worker is named");
  const page = await (await fetch(`${url}/metrics`)).text();
  expect(page).toMatch(/dyn_router_worker_problems\{.*kind="no_kv_events"\} 1/);
  await expect.poll(() => frontend.output().split("publishes no KV events")).toHaveLength(2);
});
