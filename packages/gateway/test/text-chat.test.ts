// Chats over a worker that takes text: what it says equals what the same model says in token mode.
import { DistributedRuntime } from "@dyn/runtime";
import type OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Deployment, isIdle, model, until } from "./support/deployment.ts";
import { startTextDeployment, type TextDeployment, textModel } from "./support/text-deployment.ts";

let text: TextDeployment;
let deployment: Deployment;

beforeAll(async () => {
  text = await startTextDeployment();
  deployment = text.deployment;
});
afterAll(() => text.close());

type Chat = Omit<OpenAI.ChatCompletionCreateParamsNonStreaming, "model">;

const user = (content: string) => ({ role: "user" as const, content });
const tool = {
  type: "function" as const,
  function: {
    name: "add",
    parameters: {
      type: "object",
      properties: { a: { type: "integer" } },
      required: ["a"],
      additionalProperties: false,
    },
  },
};
const chats: readonly [string, Chat & Record<string, unknown>][] = [
  ["a plain one", { messages: [user("Hello")], max_tokens: 24, seed: 3 }],
  ["a greedy one", { messages: [user("What is 2 + 2?")], max_tokens: 30, temperature: 0 }],
  ["two choices", { messages: [user("Hello")], max_tokens: 12, n: 2, seed: 5 }],
  [
    "a system prompt",
    { messages: [{ role: "system", content: "Be brief." }, user("Hi")], max_tokens: 9, seed: 4 },
  ],
  ["a stop string", { messages: [user("Hello")], max_tokens: 60, seed: 3, stop: ["e", "a"] }],
  [
    "log-probabilities",
    { messages: [user("Hello")], max_tokens: 5, logprobs: true, top_logprobs: 2, seed: 6 },
  ],
  [
    "a forced call",
    { messages: [user("Add")], max_tokens: 80, seed: 1, tools: [tool], tool_choice: "required" },
  ],
  [
    "a schema",
    {
      messages: [user("A number")],
      max_tokens: 60,
      seed: 2,
      response_format: {
        type: "json_schema",
        json_schema: { name: "n", strict: true, schema: tool.function.parameters },
      },
    },
  ],
  [
    "no thinking",
    {
      messages: [user("Hello")],
      max_tokens: 10,
      seed: 3,
      chat_template_kwargs: { enable_thinking: false },
    },
  ],
];

/** Ids, times, names and caches differ; nothing else may. */
function comparable(answer: object): unknown {
  return JSON.parse(
    JSON.stringify(answer, (key, value) =>
      ["id", "created", "model", "prompt_tokens_details"].includes(key) ? undefined : value,
    ),
  );
}

describe("says the same as in token mode", () => {
  it.each(chats)("%s, whole", async (_, chat) => {
    const [tokens, texts] = await Promise.all(
      [model, textModel].map((name) =>
        deployment.client.chat.completions.create({ ...chat, model: name }),
      ),
    );
    expect(comparable(texts!)).toEqual(comparable(tokens!));
    expect(texts!.usage!.completion_tokens).toBeGreaterThan(0);
  });

  it.each(chats)("%s, streamed", async (_, chat) => {
    const read = async (name: string) => {
      const stream = deployment.client.chat.completions.stream({
        ...chat,
        model: name,
        stream: true,
        stream_options: { include_usage: true },
      });
      const chunks: OpenAI.ChatCompletionChunk[] = [];
      for await (const chunk of stream) chunks.push(chunk);
      return { final: await stream.finalChatCompletion(), chunks };
    };
    const [tokens, texts] = await Promise.all([read(model), read(textModel)]);
    expect(comparable(texts.final)).toEqual(comparable(tokens.final));
    expect(texts.chunks.at(-1)!.choices).toEqual([]);
  });
});

async function post(body: object, path = "/v1/chat/completions") {
  const response = await fetch(deployment.url + path, {
    method: "POST",
    headers: { "content-type": "application/json", "x-tenant-id": "tenant" },
    body: JSON.stringify(body),
  });
  return { status: response.status, text: await response.text() };
}
const errorOf = ({ text }: { readonly text: string }) =>
  (JSON.parse(text) as { error: Record<string, unknown> }).error;

it("the worker gets what the client sent, and whose it is", async () => {
  const fields = { messages: [user("Hello")], max_tokens: 2, stop: ["zzz"], temperature: 0.5 };
  await post({ model: textModel, ...fields, stream: true, nvext: { annotations: ["a"] } });
  expect(text.sent()).toEqual({
    ...fields,
    model: textModel,
    nvext: { annotations: ["a"], cache_salt: "tenant" },
  });
});

it("a usage chunk comes only where it was asked for", async () => {
  const chat = { model: textModel, messages: [user("Hi")], max_tokens: 2, stream: true };
  const plain = await post(chat);
  expect(plain.text).not.toContain('"usage"');
  expect(plain.text.trimEnd().endsWith("data: [DONE]")).toBe(true);
  const asked = await post({ ...chat, stream_options: { include_usage: true } });
  expect(asked.text.match(/"usage"/g)).toHaveLength(1);
});

it("nvext.stop_reason comes where it was asked for", async () => {
  const chat = { model: textModel, messages: [user("Hello")], max_tokens: 60, seed: 3, stop: "e" };
  const answer = await post({ ...chat, stream: true, nvext: { extra_fields: ["stop_reason"] } });
  expect(answer.text).toContain('"nvext":{"stop_reason":"e"}');
});

it.each([
  ["a bad field", { temperature: 9 }],
  ["a prompt over the context", { messages: [user("word ".repeat(5000))] }],
  ["too many tokens", { max_tokens: 5000 }],
  ["an impossible schema", { guided_regex: "(" }],
] as [string, object][])("refuses %s as in token mode", async (_, fields) => {
  const chat = { messages: [user("Hi")], ...fields };
  const [tokens, texts] = await Promise.all(
    [model, textModel].map((name) => post({ ...chat, model: name })),
  );
  expect(texts!.status).toBe(400);
  expect([texts!.status, errorOf(texts!)]).toEqual([tokens!.status, errorOf(tokens!)]);
});

it("serves no prompts", async () => {
  const completion = await post({ model: textModel, prompt: "a" }, "/v1/completions");
  expect(completion.status).toBe(404);
});

it("a client that leaves ends the request in the worker", async () => {
  const leave = new AbortController();
  const response = await fetch(`${deployment.url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      model: textModel,
      messages: [user("Hello")],
      max_tokens: 4000,
      ignore_eos: true,
      stream: true,
    }),
    signal: leave.signal,
  });
  await response.body!.getReader().read();
  leave.abort();
  await until(() => isIdle(text.engine), "the engine is idle");
});

it("a bare prompt, as health checks send it, is answered", async () => {
  const client = deployment.hub.createPlanes();
  const runtime = new DistributedRuntime(client);
  try {
    const workers = runtime.endpoint("dyn://dynamo.text.generate").createClient<unknown, object>();
    const chunks: unknown[] = [];
    const payload = {
      stop_conditions: { max_tokens: 1, ignore_eos: false },
      sampling_options: { temperature: 0, top_p: 1, top_k: -1 },
      eos_token_ids: [],
      annotations: [],
      prompt: "Test",
    };
    for await (const { data } of workers.generate(payload)) chunks.push(data);
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { completion_tokens: 1 } });
    await workers.close();
  } finally {
    await runtime.close();
  }
});

it("chunks of the reference's worker are read, a strange one is the server's fault", async () => {
  const runtime = new DistributedRuntime(deployment.hub.createPlanes());
  const address = "dyn://dynamo.foreign.generate";
  let chunks: unknown[] = [];
  const served = await runtime.endpoint(address).serve(async function* () {
    for (const data of chunks) yield { data };
  });
  await served.registerModel({
    displayName: "foreign",
    sourcePath: "foreign",
    modelTypes: ["chat"],
    modelInput: "text",
    contextLength: 0,
    kvCacheBlockSize: 0,
    endpoint: address,
    created: 1,
  });
  await deployment.gateway.waitForModel("foreign", { signal: AbortSignal.timeout(30_000) });
  const head = { id: "x", created: 1, model: "foreign", object: "chat.completion.chunk" };
  const chunk = (content: string, finish: string | null) => ({
    ...head,
    choices: [{ index: 0, delta: { role: "assistant", content }, finish_reason: finish }],
  });
  const ask = () => post({ model: "foreign", messages: [user("Hi")] });
  chunks = [chunk("a", null), chunk("b", "stop")];
  const whole = await ask();
  expect(JSON.parse(whole.text)).toMatchObject({
    choices: [{ message: { content: "ab" }, finish_reason: "stop" }],
    usage: null,
  });
  chunks = [chunk("a", null)];
  expect((await ask()).status).toBe(503);
  chunks = [{ nothing: true }];
  expect((await ask()).status).toBe(500);
  await runtime.close();
});
