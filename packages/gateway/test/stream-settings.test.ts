// Settings that change what a stream or a refusal looks like: dispatch events, stream time-out, overload status, template.
import { OverloadedError } from "@dyn/protocol";
import { expect, test } from "vitest";
import { type Deployment, model, startDeployment } from "./support/deployment.ts";
import { startScriptedWorker } from "./support/scripted-worker.ts";

const post = (deployment: Deployment, body: object) =>
  fetch(`${deployment.url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ messages: [{ role: "user", content: "hi" }], ...body }),
  });

test("a whole call and the whole reasoning are told before the chunk that completes them", async () => {
  const deployment = await startDeployment({
    settings: { streamingDispatch: { calls: true, reasoning: true } },
  });
  const { tokenizer } = await import("@dyn/tokenizer").then(async ({ loadTokenizer }) => ({
    tokenizer: await loadTokenizer((await import("@dyn/tiny-models")).modelPath("dyn-tiny-chat")),
  }));
  const call = (city: string) =>
    `<tool_call>\n{"name": "weather", "arguments": {"city": "${city}"}}\n</tool_call>`;
  const text = `<think>\nLet me see.\n</think>\n${call("Oslo")}\n${call("Rome")}`;
  const worker = await startScriptedWorker(
    deployment.hub,
    "caller",
    async function* () {
      const ids = [...tokenizer.encode(text)];
      for (const id of ids) yield { token_ids: [id], index: 0 };
      yield { token_ids: [], index: 0, finish_reason: "stop" };
    },
    { runtimeConfig: { toolCallParser: "hermes", reasoningParser: "qwen3" } },
  );
  await deployment.gateway.waitForModel("caller", { signal: AbortSignal.timeout(30_000) });
  const tools = [{ type: "function", function: { name: "weather", parameters: {} } }];
  const stream = await (await post(deployment, { model: "caller", tools, stream: true })).text();
  const events = stream.split("\n\n").map((event) => {
    const [, name = "chunk", data = ""] = /^(?:event: (\S+)\n)?data: (.*)$/.exec(event) ?? [];
    return { name, data };
  });
  const side = events.filter(({ name }) => name !== "chunk");
  expect(side.map(({ name }) => name)).toEqual([
    "reasoning_dispatch",
    "tool_call_dispatch",
    "tool_call_dispatch",
  ]);
  const [reasoning, oslo, rome] = side.map(({ data }) => JSON.parse(data));
  expect(reasoning).toEqual({
    index: 0,
    reasoning_content: expect.stringContaining("Let me see."),
  });
  for (const [i, [event, city]] of [[oslo, "Oslo"] as const, [rome, "Rome"] as const].entries()) {
    expect(event).toMatchObject({
      choice_index: 0,
      tool_call: { index: i, type: "function", function: { name: "weather" } },
    });
    expect(JSON.parse(event.tool_call.function.arguments)).toEqual({ city });
  }
  // Arguments of the chunks up to the event, and its own chunk, are those of the call.
  const at = events.findIndex(({ name }) => name === "tool_call_dispatch");
  const args = events
    .slice(0, at + 2)
    .filter(({ name, data }) => name === "chunk" && data.startsWith("{"))
    .flatMap(({ data }) => JSON.parse(data).choices[0]?.delta.tool_calls ?? [])
    .map((delta) => delta.function.arguments)
    .join("");
  expect(args).toBe(oslo.tool_call.function.arguments);
  await worker.close();
  await deployment.close();
});

test("a worker that falls silent ends the stream with 504 after the time that was set", async () => {
  const deployment = await startDeployment({ settings: { backendStreamTimeoutMs: 300 } });
  const worker = await startScriptedWorker(deployment.hub, "silent", async function* (_, context) {
    await new Promise((resolve) => context.signal.addEventListener("abort", resolve));
    yield { token_ids: [], index: 0, finish_reason: "cancelled" };
  });
  await deployment.gateway.waitForModel("silent", { signal: AbortSignal.timeout(30_000) });
  const response = await post(deployment, { model: "silent" });
  expect(response.status).toBe(504);
  expect(await response.json()).toMatchObject({
    error: { type: "timeout_error", message: expect.stringContaining("0.3 s") },
  });
  await worker.close();
  await deployment.close();
});

test("an overload has the status that was set, and still says when to come again", async () => {
  const deployment = await startDeployment({ settings: { overloadStatus: 430 } });
  // biome-ignore lint/correctness/useYield: it refuses
  const worker = await startScriptedWorker(deployment.hub, "busy", async function* () {
    throw new OverloadedError("Full.", { status: 529 });
  });
  await deployment.gateway.waitForModel("busy", { signal: AbortSignal.timeout(30_000) });
  const response = await post(deployment, { model: "busy" });
  expect(response.status).toBe(430);
  expect(Number(response.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
  const page = await (await fetch(`${deployment.url}/metrics`)).text();
  expect(page).toMatch(/model_rejection_total\{[^}]*model="busy"[^}]*\} 1/);
  await worker.close();
  await deployment.close();
});

test("a request template fills what requests leave out, and nothing else", async () => {
  const deployment = await startDeployment({
    settings: { requestTemplate: { model, temperature: 0, maxTokens: 6 } },
  });
  const ask = async (body: object) =>
    (await (await post(deployment, { ignore_eos: true, ...body })).json()) as {
      model: string;
      usage: { completion_tokens: number };
      choices: unknown;
    };
  const first = await ask({});
  expect(first).toMatchObject({ model, usage: { completion_tokens: 6 } });
  expect((await ask({ model: "" })).choices).toEqual(first.choices);
  expect((await ask({ temperature: 0, max_tokens: 3 })).usage.completion_tokens).toBe(3);
  await deployment.close();
});
