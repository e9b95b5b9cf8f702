// dyn-worker --use-sglang-tokenizer beside one that takes tokens: the same chats, the same words.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import OpenAI from "openai";
import { afterAll, beforeAll, expect, test } from "vitest";
import { untilListed } from "../src/deployment.ts";
import { type StartedProgram, startProgram } from "../src/start-program.ts";

const folder = mkdtempSync(join(tmpdir(), "dyn-e2e-"));
const plane = ["--discovery-backend", "file"];
const env = {
  DYN_FILE_KV: folder,
  DYN_HTTP_HOST: "127.0.0.1",
  DYN_HTTP_PORT: "0",
  DYN_SGLANG_ENABLE_GENERATE: "1",
  DYN_GRACEFUL_SHUTDOWN_GRACE_PERIOD_SECS: "1",
};
let frontend: StartedProgram;
let textWorker: StartedProgram;
let tokenWorker: StartedProgram;
let client: OpenAI;

const startWorker = (name: string, ...args: string[]) =>
  startProgram({
    app: "worker",
    args: [
      ...["--model-path", "dyn-tiny-chat", "--served-model-name", name],
      ...["--component-name", name, ...plane, ...args],
    ],
    env,
    ready: new RegExp(`"model":"(${name})"`),
  });

beforeAll(async () => {
  [frontend, tokenWorker, textWorker] = await Promise.all([
    startProgram({ app: "frontend", args: plane, env, ready: /"url":"(http:[^"]+)"/ }),
    startWorker("tokens"),
    startWorker("text", "--use-sglang-tokenizer"),
  ]);
  client = new OpenAI({ baseURL: `${frontend.ready}/v1`, apiKey: "none", maxRetries: 0 });
  await untilListed(frontend.ready, "tokens", "text");
});
afterAll(async () => {
  await Promise.all([frontend, textWorker, tokenWorker].map((it) => it?.stop("SIGKILL")));
  rmSync(folder, { recursive: true, force: true });
});

const weather = {
  type: "function" as const,
  function: {
    name: "get_weather",
    description: "The weather of a city.",
    parameters: {
      type: "object",
      properties: { city: { type: "string" } },
      required: ["city"],
      additionalProperties: false,
    },
  },
};
const user = (content: string) => [{ role: "user" as const, content }];
const greedy = { temperature: 0, max_tokens: 96 };
const chats = [
  { ...greedy, messages: user("What is 12 + 30?") },
  { ...greedy, messages: user("Hello!") },
  { ...greedy, messages: user("Count from 1 to 10."), stop: ["4"] },
  { messages: user("Tell me something."), seed: 11, max_tokens: 40, n: 2 },
  { ...greedy, messages: user("What is the weather in Paris?"), tools: [weather] },
  {
    ...greedy,
    messages: user("Weather in Rome?"),
    tools: [weather],
    tool_choice: "required" as const,
  },
  { ...greedy, messages: user("What is 7 + 5?"), chat_template_kwargs: { enable_thinking: true } },
];

test.each(chats)("whole and streamed, %j is answered alike", async (chat) => {
  const whole = async (model: string) =>
    strip(await client.chat.completions.create({ ...chat, model }));
  const streamed = async (model: string) => {
    const stream = client.chat.completions.stream({ ...chat, model, stream: true });
    return strip(await stream.finalChatCompletion());
  };
  expect(await whole("text")).toEqual(await whole("tokens"));
  expect(await streamed("text")).toEqual(await streamed("tokens"));
});

/** Ids, times, names and what was cached differ; nothing else may. */
function strip(answer: object): unknown {
  return JSON.parse(
    JSON.stringify(answer, (key, value) =>
      ["id", "created", "model", "prompt_tokens_details"].includes(key) ? undefined : value,
    ),
  );
}

test("the worker says that the mode is going away, and what takes its place", () => {
  expect(textWorker.output()).toContain("--dyn-chat-processor sglang");
});

test("SGLang's own /generate streams the tokens of the worker that takes them", async () => {
  const response = await fetch(`${frontend.ready}/generate`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      input_ids: [72, 73, 74],
      stream: true,
      sampling_params: { max_new_tokens: 4, temperature: 0 },
    }),
  });
  const text = await response.text();
  expect(response.status).toBe(200);
  expect(text).toContain('"output_ids":[');
  expect(text.trimEnd().endsWith("data: [DONE]")).toBe(true);
});

test("/clear_kv_blocks reaches both workers", async () => {
  const response = await fetch(`${frontend.ready}/clear_kv_blocks`, { method: "POST" });
  expect(response.status).toBe(200);
  const { cleared_workers: cleared } = (await response.json()) as { cleared_workers: object[] };
  expect(cleared).toHaveLength(2);
});
