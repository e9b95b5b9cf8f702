// What a client and an operator see of a KV router: why a worker was chosen, where a prompt would go, who is too busy.
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Deployment, model, startDeployment } from "./support/deployment.ts";

let deployment: Deployment;
beforeAll(async () => {
  deployment = await startDeployment({
    gateway: { routerMode: "kv", routerSettings: { useKvEvents: false } },
  });
});
afterAll(() => deployment.close());

async function post(path: string, body: object, headers: Record<string, string> = {}) {
  const answer = await fetch(`${deployment.url}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
  return { answer, text: await answer.text() };
}
const get = async (path: string) => (await fetch(`${deployment.url}${path}`)).json();
const prompt = "one two three four five six seven eight nine ten ".repeat(20);
const completion = { model, prompt, max_tokens: 2, ignore_eos: true };

test("the reasons of a choice are in a header, in /debug/routing and in the metrics", async () => {
  await post("/v1/completions", completion);
  for (const stream of [false, true]) {
    const { answer, text } = await post(
      "/v1/completions",
      { ...completion, stream, nvext: { extra_fields: ["worker_id", "timing"] } },
      { "x-dyn-routing-debug": "1" },
    );
    expect(answer.status).toBe(200);
    const routing = JSON.parse(answer.headers.get("x-dyn-routing")!);
    expect(routing).toMatchObject({ rank: 0, reason: "only" });
    expect(routing.overlap).toBe(routing.blocks);
    expect(text).toContain(`"decode_worker_id":${routing.worker},"decode_dp_rank":0`);
    expect(text).toMatch(/"kv_hit_rate":(1|0\.[89])/);
  }
  const { answer } = await post("/v1/completions", completion);
  expect(answer.headers.get("x-dyn-routing")).toBeNull();
  const debug = (await get("/debug/routing")) as {
    models: { decisions: { candidates: object[] }[] }[];
  };
  expect(debug).toMatchObject({ models: [{ model, mode: "kv-approximate" }] });
  expect(debug.models[0]!.decisions[0]!.candidates[0]).toMatchObject({ excluded: null });
  expect(await get("/health")).toMatchObject({ routing: [{ model, worker_problems: [] }] });
  const page = await (await fetch(`${deployment.url}/metrics`)).text();
  expect(page).toMatch(/dynamo_component_router_requests_total\{.*\} 4/);
  expect(page).toMatch(/dyn_router_active_requests\{.*\} 0/);
});

test("a routing query generates nothing and names worker and prompt", async () => {
  const before = deployment.engine.metrics().generatedTokens;
  const query = { ...completion, nvext: { annotations: ["query_instance_id:"] } };
  const { text } = await post("/v1/completions", query);
  const answer = JSON.parse(text);
  expect(answer).toMatchObject({ choices: [{ text: "" }], usage: null });
  expect(answer.nvext.token_ids.length).toBeGreaterThan(20);
  expect(text).toMatch(/"nvext":\{"worker_id":\{"prefill_worker_id":\d+/);
  const streamed = await post("/v1/completions", { ...query, stream: true });
  expect(streamed.text.match(/^data: /gm)).toHaveLength(2);
  const chat = await post("/v1/chat/completions", {
    model,
    messages: [{ role: "user", content: prompt }],
    nvext: { annotations: ["query_instance_id:"] },
  });
  expect(JSON.parse(chat.text)).toMatchObject({ usage: null, nvext: { token_ids: {} } });
  expect(deployment.engine.metrics().generatedTokens).toBe(before);
});

test("thresholds are read and set for a model, and refused out of their range", async () => {
  const none = {
    active_decode_blocks_threshold: null,
    active_prefill_tokens_threshold: null,
    active_prefill_tokens_threshold_frac: null,
  };
  expect(await get("/busy_threshold")).toEqual({ thresholds: [{ model, ...none }] });
  const set = await post("/busy_threshold", { model, active_decode_blocks_threshold: 0.8 });
  expect(JSON.parse(set.text)).toEqual({ model, ...none, active_decode_blocks_threshold: 0.8 });
  expect(JSON.parse((await post("/busy_threshold", { model })).text)).toMatchObject({
    active_decode_blocks_threshold: 0.8,
  });
  const other = await post("/busy_threshold", {
    model: "later",
    active_prefill_tokens_threshold: 9,
  });
  expect(other.answer.status).toBe(200);
  const wrong = await post("/busy_threshold", { model, active_decode_blocks_threshold: 2 });
  expect([wrong.answer.status, wrong.text]).toMatchObject([400, expect.stringContaining("0 to 1")]);
});
