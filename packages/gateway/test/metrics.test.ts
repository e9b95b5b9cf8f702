import { afterAll, beforeAll, expect, it } from "vitest";
import { type Deployment, model, startDeployment } from "./support/deployment.ts";

let deployment: Deployment;
beforeAll(async () => {
  deployment = await startDeployment();
});
afterAll(() => deployment.close());

/** Series of the page by their whole name, labels included. */
async function series(): Promise<Map<string, number>> {
  const page = await (await fetch(`${deployment.url}/metrics`)).text();
  const lines = page.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(
    lines.map((line) => {
      const at = line.lastIndexOf(" ");
      return [line.slice(0, at), Number(line.slice(at + 1))];
    }),
  );
}

it("counts requests, tokens, times and failures under Dynamo's names", async () => {
  const chat = { model, messages: [{ role: "user" as const, content: "hello" }], max_tokens: 9 };
  const extra = { ignore_eos: true };
  const { usage } = await deployment.client.chat.completions.create({ ...chat, ...extra });
  const stream = await deployment.client.completions.create({
    model,
    prompt: "hello",
    max_tokens: 5,
    stream: true,
    ...extra,
  });
  for await (const _ of stream);
  const bad = deployment.client.chat.completions.create({ ...chat, temperature: 9 });
  await expect(bad).rejects.toMatchObject({ status: 400 });
  const missing = deployment.client.chat.completions.create({ ...chat, model: "none" });
  await expect(missing).rejects.toMatchObject({ status: 404 });

  const values = await series();
  const value = (name: string, labels: string) => values.get(`dynamo_frontend_${name}{${labels}}`);
  const ours = `model="${model}"`;
  const unknown = 'model="unknown_model",endpoint="chat_completions",request_type="unary"';
  const done = (endpoint: string, type: string) =>
    `${ours},endpoint="${endpoint}",request_type="${type}",status="success",error_type=""`;
  expect(value("requests_total", done("chat_completions", "unary"))).toBe(1);
  expect(value("requests_total", done("completions", "stream"))).toBe(1);
  expect(value("requests_total", `${unknown},status="error",error_type="validation"`)).toBe(1);
  expect(value("requests_total", `${unknown},status="error",error_type="not_found"`)).toBe(1);
  expect(value("failures_total", 'class="InvalidRequest",reason="request.invalid"')).toBe(1);
  expect(value("failures_total", 'class="NotFound",reason="request.not_found"')).toBe(1);
  expect(value("inflight_requests", ours)).toBe(0);
  expect(value("queued_requests", ours)).toBe(0);
  expect(value("output_tokens_total", ours)).toBe(14);
  expect(value("time_to_first_token_seconds_count", ours)).toBe(2);
  // Of 9 and 5 tokens all but the first of each.
  expect(value("inter_token_latency_seconds_count", ours)).toBe(12);
  expect(value("output_sequence_tokens_sum", ours)).toBe(14);
  expect(value("input_sequence_tokens_count", ours)).toBe(2);
  expect(value("input_sequence_tokens_sum", ours)).toBeGreaterThan(usage!.prompt_tokens);
  expect(values.get("dynamo_frontend_detokenize_token_count")).toBe(14);
  expect(value("model_ready", ours)).toBe(1);
  expect(value("model_context_length", ours)).toBe(4096);

  await deployment.removeWorker();
  await expect
    .poll(async () => (await series()).get(`dynamo_frontend_model_ready{${ours}}`))
    .toBeUndefined();
});

it("tells what the tokenizer's cache saved a chat that went on", async () => {
  const { url, client, close } = await startDeployment();
  const line = "Tell me about a river, a stone, and what the rain does to both of them.";
  const messages = [line, `First. ${line}`, `Then. ${line}`].map((content, i) => ({
    role: i % 2 === 0 ? ("user" as const) : ("assistant" as const),
    content,
  }));
  const ask = (count: number) =>
    client.chat.completions.create({ model, max_tokens: 1, messages: messages.slice(0, count) });
  const first = await ask(1);
  const second = await ask(3);
  const page = await (await fetch(`${url}/metrics`)).text();
  const value = (name: string) =>
    Number(new RegExp(`^dynamo_frontend_tokenizer_cache_${name}.* (\\d+)$`, "m").exec(page)?.[1]);
  expect([value("misses_total"), value("hits_total")]).toEqual([1, 1]);
  const cached = value("cached_tokens_total");
  expect(cached).toBeGreaterThan(first.usage!.prompt_tokens / 2);
  expect(cached + value("uncached_tokens_total")).toBe(
    first.usage!.prompt_tokens + second.usage!.prompt_tokens,
  );
  expect(value("bytes")).toBeGreaterThan(cached * 4);
  await close();
});
