// A model whose prefill and decode workers are apart, seen by its clients: workers come and go, answers stay whole.
import type { EngineOutputItem, ModelCard } from "@dyn/protocol";
import type { DistributedRuntime } from "@dyn/runtime";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Deployment, startDeployment, until } from "./support/deployment.ts";
import { startScriptedWorker } from "./support/scripted-worker.ts";

let deployment: Deployment;
const workers: DistributedRuntime[] = [];
beforeEach(async () => {
  deployment = await startDeployment({ gateway: { routerMode: "kv" } });
});
afterEach(async () => {
  for (const worker of workers.splice(0)) await worker.close();
  await deployment.close();
});

interface Seen {
  readonly role: string;
  readonly request: Record<string, unknown>;
}
const seen: Seen[] = [];
afterEach(() => seen.splice(0));

async function start(role: "prefill" | "decode", card: Partial<ModelCard> = {}) {
  const worker = await startScriptedWorker(
    deployment.hub,
    "pair",
    async function* (request): AsyncGenerator<EngineOutputItem> {
      seen.push({ role, request });
      if (role === "prefill") {
        yield { token_ids: [], disaggregated_params: request.bootstrap_info };
        yield {
          token_ids: [],
          engine_data: { kv_cache_hit: { prompt_tokens: 9, reused_tokens: 8 } },
        };
        return;
      }
      yield { token_ids: [300] };
      yield { token_ids: [301], finish_reason: "stop" };
    },
    {
      workerType: role,
      ...(role === "prefill"
        ? {
            modelTypes: [],
            needs: [["decode"]],
            runtimeConfig: {
              disaggregatedEndpoint: { bootstrapHost: "127.0.0.1", bootstrapPort: 9_000 },
            },
          }
        : {}),
      ...card,
    },
    `dyn://dynamo.pair-${role}.generate`,
  );
  workers.push(worker);
  return worker;
}

const ask = (more: object = {}) =>
  fetch(`${deployment.url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      model: "pair",
      messages: [{ role: "user", content: "Hello" }],
      nvext: { extra_fields: ["worker_id"] },
      ...more,
    }),
  });

async function isListed(): Promise<boolean> {
  const answer = await fetch(`${deployment.url}/v1/models`);
  return (await answer.text()).includes('"pair"');
}

async function prefillDecisions() {
  const answer = await fetch(`${deployment.url}/debug/routing`);
  const { prefill } = (await answer.json()) as {
    prefill: { model: string; decisions: { flow: string; reason: string }[] }[];
  };
  return prefill.find(({ model }) => model === "pair")?.decisions ?? [];
}

test("a pool of prefill workers is used as soon as it is there, and no longer", async () => {
  await start("decode");
  await until(isListed, "the decode worker is served alone");
  expect((await ask()).status).toBe(200);
  const prefill = await start("prefill");
  await until(async () => {
    await ask();
    return seen.at(-2)?.role === "prefill";
  }, "the prefill worker is asked");
  const answer = await (await ask()).text();
  const [, prefillId, decodeId] =
    /"prefill_worker_id":(\d+)[^}]*"decode_worker_id":(\d+)/.exec(answer) ?? [];
  expect(prefillId).toMatch(/^\d+$/);
  expect(prefillId).not.toBe(decodeId);
  const body = seen.findLast(({ role }) => role === "decode")!.request;
  expect(body.bootstrap_info).toMatchObject({ bootstrap_host: "127.0.0.1", bootstrap_port: 9_000 });
  expect((await prefillDecisions())[0]).toMatchObject({ flow: "concurrent", reason: "pool" });
  await prefill.close();
  await until(async () => {
    await ask();
    return seen.at(-1)!.request.bootstrap_info === undefined;
  }, "the decode worker prefills again");
  expect((await prefillDecisions())[0]).toMatchObject({
    flow: "local",
    reason: "no-prefill-worker",
  });
});

test("an answer's timing says how long the KV was on its way at most, where it was", async () => {
  const timing = async (stream: boolean) => {
    const text = await (await ask({ nvext: { extra_fields: ["timing"] }, stream })).text();
    return JSON.parse(/"timing":(\{[^}]*\})/.exec(text)![1]!) as Record<string, number>;
  };
  const name = "kv_transfer_estimated_latency_ms";
  await start("decode");
  await until(isListed, "the decode worker is served alone");
  expect(await timing(false)).not.toHaveProperty(name);
  await start("prefill");
  await until(async () => {
    await ask();
    return seen.at(-2)?.role === "prefill";
  }, "the prefill worker is asked");
  for (const stream of [false, true]) {
    const { [name]: handOverMs, ttft_ms, total_time_ms } = await timing(stream);
    expect(handOverMs).toBeGreaterThanOrEqual(0);
    expect(handOverMs).toBeLessThanOrEqual(ttft_ms!);
    expect(ttft_ms).toBeLessThanOrEqual(total_time_ms!);
  }
});

test("decode workers that need prefill workers are a model only beside them", async () => {
  const needs: ModelCard["needs"] = [["prefill"]];
  await start("decode", { needs });
  await until(async () => {
    const answer = await ask();
    return answer.status === 503 && (await answer.text()).includes("needs a prefill worker");
  }, "the pair is not complete");
  expect(await isListed()).toBe(false);
  const prefill = await start("prefill");
  await until(isListed, "the pair is complete");
  expect((await ask()).status).toBe(200);
  await prefill.close();
  await until(async () => !(await isListed()), "the pair is broken");
  expect((await ask()).status).toBe(503);
});

test("prefill workers alone are no model", async () => {
  await start("prefill");
  await until(async () => (await ask()).status === 404, "nothing is served");
});

test("several choices come from rooms of their own", async () => {
  await start("decode");
  await start("prefill");
  await until(async () => {
    await ask();
    return seen.at(-2)?.role === "prefill";
  }, "the prefill worker is asked");
  seen.splice(0);
  const answer = await ask({ n: 3, seed: 5, temperature: 1 });
  const { choices } = (await answer.json()) as { choices: { index: number }[] };
  expect(choices.map(({ index }) => index)).toEqual([0, 1, 2]);
  const rooms = seen.flatMap(({ role, request }) =>
    role === "decode"
      ? [(request.bootstrap_info as { bootstrap_room: bigint }).bootstrap_room]
      : [],
  );
  expect(new Set(rooms).size).toBe(3);
});
