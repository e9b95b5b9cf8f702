// A client that notices nothing: its worker dies in mid-answer and another one goes on.
import { createMockEngine, type Engine } from "@dyn/engine";
import { createGateway, type Gateway } from "@dyn/gateway";
import { createMetricsRegistry } from "@dyn/metrics";
import { createMemHub, DistributedRuntime } from "@dyn/runtime";
import { afterEach, beforeEach, expect, test } from "vitest";
import { model, startWorker, until } from "./support/deployment.ts";

let gateway: Gateway;
let runtime: DistributedRuntime;
let url: string;
let engines: Engine[];
let workers: DistributedRuntime[];
const registry = () => createMetricsRegistry({ processMetrics: false });

async function start(migration: { limit: number }) {
  const hub = createMemHub();
  // A fault of any one engine stays its own: each worker has one.
  engines = Array.from({ length: 3 }, () =>
    createMockEngine({ vocabSize: 4096, contextLength: 4096, decodeMsPerStep: 5 }),
  );
  workers = await Promise.all(engines.map((engine) => startWorker(hub, engine)));
  runtime = new DistributedRuntime(hub.createPlanes());
  gateway = createGateway({
    runtime,
    metrics: registry(),
    migration,
    logger: { warn: () => {}, error: () => {} },
  });
  ({ url } = await gateway.listen({ host: "127.0.0.1", port: 0 }));
  await gateway.waitForModel(model, { signal: AbortSignal.timeout(30_000) });
}
beforeEach(() => start({ limit: 2 }));
afterEach(close);

async function close() {
  await gateway.close();
  for (const worker of workers) await worker.close();
  await runtime.close();
  for (const engine of engines) await engine.close();
}

async function ask(body: object) {
  const answer = await fetch(`${url}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      model,
      prompt: "hello",
      max_tokens: 300,
      ignore_eos: true,
      n: 2,
      seed: 5,
      logprobs: 1,
      ...body,
    }),
  });
  const { choices, usage, error } = (await answer.json()) as Record<string, unknown>;
  return { status: answer.status, choices, usage, error };
}

const runningAt = () => engines.findIndex((engine) => engine.metrics().runningRequests > 0);

test("a worker that dies twice in one answer changes no byte of it", async () => {
  const whole = await ask({});
  expect(whole).toMatchObject({ status: 200, usage: { completion_tokens: 600 } });
  const answer = ask({});
  for (let deaths = 0; deaths < 2; deaths++) {
    await until(() => runningAt() >= 0, "a worker runs it");
    const at = runningAt();
    const before = engines[at]!.metrics().generatedTokens;
    await until(() => engines[at]!.metrics().generatedTokens > before + 10, "it has begun");
    await workers[at]!.close();
    await until(() => runningAt() !== at, "it runs there no more");
  }
  expect(await answer).toEqual(whole);
  const page = await (await fetch(`${url}/metrics`)).text();
  expect(page).toContain(
    `dynamo_frontend_model_migration_total{model="${model}",migration_type="ongoing_request"} 2`,
  );
  expect(page).toContain(`dynamo_frontend_model_migration_limit{model="${model}"} 2`);
});

test("without a limit the death is the answer's end", async () => {
  await close();
  await start({ limit: 0 });
  const answer = ask({});
  await until(() => runningAt() >= 0, "a worker runs it");
  await workers[runningAt()]!.close();
  expect((await answer).status).toBe(503);
});
