// What a request says beyond OpenAI's fields, and what it is told back.
import type { EngineOutputItem, PreprocessedRequest } from "@dyn/protocol";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Deployment, startDeployment } from "./support/deployment.ts";
import { startScriptedWorker } from "./support/scripted-worker.ts";

const name = "scripted";
const seen: PreprocessedRequest[] = [];
let deployment: Deployment;
let instanceId: bigint;

beforeAll(async () => {
  deployment = await startDeployment();
  const worker = await startScriptedWorker(deployment.hub, name, async function* (request) {
    seen.push(request);
    const item: EngineOutputItem = { token_ids: [300, 301], index: 0 };
    yield item;
    yield { token_ids: [302], index: 0, finish_reason: "length" };
  });
  instanceId = worker.instanceId;
  await deployment.gateway.waitForModel(name, { signal: AbortSignal.timeout(30_000) });
});
afterAll(() => deployment.close());

const messages = [{ role: "user", content: "hello" }];

async function ask(body: object, headers: Record<string, string> = {}) {
  seen.length = 0;
  const answer = await fetch(`${deployment.url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify({ model: name, messages, ...body }),
  });
  const text = await answer.text();
  if (answer.status !== 200) throw new Error(text);
  return { text, request: seen[0]! };
}

describe("a request's hints", () => {
  it("travel to the worker in the reference's words", async () => {
    const { request } = await ask({
      nvext: {
        agent_hints: { priority: 5, strict_priority: 2, osl: 100 },
        cache_salt: "tenant",
        extra_fields: ["timing"],
        annotations: ["something"],
        request_timestamp_ms: 1.5,
        routing_constraints: { required_taints: ["a"] },
      },
    });
    expect(request.routing).toEqual({
      priority: 5,
      priority_jump: 5,
      strict_priority: 2,
      expected_output_tokens: 100,
      cache_salt: "tenant",
      routing_constraints: { required_taints: ["a"] },
    });
    expect(request.extra_args).toEqual({
      nvext: { cache_salt: "tenant", extra_fields: ["timing"] },
    });
    expect(request).toMatchObject({ annotations: ["something"], request_timestamp_ms: 1.5 });
  });

  it("may come as headers, and those win", async () => {
    const { request } = await ask(
      { nvext: { agent_hints: { priority: 1 }, cache_salt: "mine" } },
      {
        "x-dynamo-request-priority": "7",
        "x-tenant-id": "theirs",
        "x-dynamo-session-id": "session-1",
        "x-worker-instance-id": instanceId.toString(),
        "x-dp-rank": "0",
      },
    );
    expect(request.routing).toMatchObject({
      priority: 7,
      cache_salt: "theirs",
      dp_rank: 0,
    });
    expect(BigInt(request.routing!.backend_instance_id!)).toBe(instanceId);
    expect(request).toMatchObject({
      agent_context: { session_id: "session-1", input_trigger: "user_message" },
      image_cache_scope: "session-1",
    });
  });

  it("pin a worker whose id no JSON number holds", async () => {
    const body = JSON.stringify({ model: name, messages, max_tokens: 2 });
    const answer = await fetch(`${deployment.url}/v1/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: `${body.slice(0, -1)},"nvext":{"backend_instance_id": ${instanceId}}}`,
    });
    expect(answer.status).toBe(200);
  });

  it("token_data takes the prompt's place, and greed the sampling options'", async () => {
    const { request } = await ask({
      temperature: 0.5,
      top_p: 0.5,
      nvext: { token_data: [5, 6, 7], greed_sampling: true },
    });
    expect([...request.token_ids]).toEqual([5, 6, 7]);
    expect(request.sampling_options).toMatchObject({ temperature: 0, top_p: null });
    expect(request.extra_args).toEqual({ nvext: { token_in: true } });
  });
});

describe("an answer's nvext", () => {
  const extra_fields = ["worker_id", "timing", "completion_token_ids"];

  it("says who answered, what and when; ids with all their digits", async () => {
    const { text } = await ask({ nvext: { extra_fields } });
    expect(text).toContain(`"decode_worker_id":${instanceId}`);
    expect(JSON.parse(text).nvext).toMatchObject({
      completion_token_ids: [300, 301, 302],
      timing: { ttft_ms: expect.any(Number), total_time_ms: expect.any(Number) },
    });
  });

  it("comes with each chunk of a stream, the timing with the last", async () => {
    const { text } = await ask({ stream: true, nvext: { extra_fields } });
    const chunks = text
      .split("\n\n")
      .filter((event) => event.startsWith("data: {"))
      .map((event) => JSON.parse(event.slice(6)).nvext);
    expect(chunks.flatMap((nvext) => nvext.completion_token_ids)).toEqual([300, 301, 302]);
    expect(chunks.map((nvext) => "timing" in nvext)).toEqual([
      ...chunks.slice(1).map(() => false),
      true,
    ]);
  });

  it("is absent unless asked for", async () => {
    expect((await ask({})).text).not.toContain("nvext");
  });
});

it("annotations come as events before the first chunk", async () => {
  const { text, request } = await ask({
    stream: true,
    nvext: { annotations: ["formatted_prompt", "token_ids", "request_id", "unknown"] },
  });
  const events = text.split("\n\n").slice(0, 3);
  expect(events.map((event) => event.split("\n")[0])).toEqual([
    "event: formatted_prompt",
    "event: token_ids",
    "event: request_id",
  ]);
  const values = events.map((event) => JSON.parse(event.split("\n")[1]!.slice(2)));
  expect(values[0]).toContain("hello");
  expect(values[1]).toEqual([...request.token_ids]);
  expect(text).toContain(`"id":"chatcmpl-${values[2]}"`);
});
