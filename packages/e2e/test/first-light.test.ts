// What a stranger's first minutes meet: `dyn launch agg` with the bundled model, through OpenAI's own client.
import OpenAI from "openai";
import { afterAll, beforeAll, expect, test } from "vitest";
import { waitUntilIdle } from "../src/read-metrics.ts";
import { startLaunch } from "../src/start-program.ts";

const model = "dyn-tiny-chat";
const ask = (content: string): OpenAI.ChatCompletionMessageParam[] => [{ role: "user", content }];

let program: Awaited<ReturnType<typeof startLaunch>>;
let client: OpenAI;

beforeAll(async () => {
  program = await startLaunch(["agg"]);
  client = new OpenAI({ baseURL: `${program.ready}/v1`, apiKey: "none", maxRetries: 0 });
});

afterAll(async () => {
  expect(await program.stop()).toBe(0);
});

test("the start-up report names model, engine, KV and URL", () => {
  for (const word of [
    "dyn-tiny-chat",
    "Qwen3ForCausalLM",
    "onnx",
    "tokens in",
    "ready",
    program.ready,
  ]) {
    expect(program.output()).toContain(word);
  }
});

test("the model answers a question, with usage", async () => {
  const answer = await client.chat.completions.create({
    model,
    messages: ask("What is 12 + 30?"),
    temperature: 0,
  });
  expect(answer.choices[0]?.message.content).toContain("42");
  expect(answer.choices[0]?.finish_reason).toBe("stop");
  const { usage } = answer;
  expect(usage?.prompt_tokens).toBeGreaterThan(5);
  expect(usage?.total_tokens).toBe((usage?.prompt_tokens ?? 0) + (usage?.completion_tokens ?? 0));
});

test("a stream, put together, is the unary answer", async () => {
  const request = { model, messages: ask("Count from 1 to 12."), temperature: 0 };
  const unary = await client.chat.completions.create(request);
  const stream = await client.chat.completions.create({
    ...request,
    stream: true,
    stream_options: { include_usage: true },
  });
  let text = "";
  let finish: string | null = null;
  let usage: OpenAI.CompletionUsage | null | undefined;
  let pieces = 0;
  for await (const chunk of stream) {
    text += chunk.choices[0]?.delta.content ?? "";
    finish = chunk.choices[0]?.finish_reason ?? finish;
    usage = chunk.usage ?? usage;
    pieces += 1;
  }
  expect(text).toBe(unary.choices[0]?.message.content);
  expect(finish).toBe(unary.choices[0]?.finish_reason);
  expect(usage?.completion_tokens).toBe(unary.usage?.completion_tokens);
  expect(pieces).toBeGreaterThan(5);
});

test("tools may be listed and not called", async () => {
  const answer = await client.chat.completions.create({
    model,
    messages: ask("What is 7 + 5?"),
    temperature: 0,
    tools: [
      {
        type: "function",
        function: {
          name: "get_weather",
          description: "Get the weather of a city",
          parameters: {
            type: "object",
            properties: { city: { type: "string" } },
            required: ["city"],
          },
        },
      },
    ],
  });
  expect(answer.choices[0]?.message.content).toContain("12");
});

test("log-probabilities are aligned with the text and sorted", async () => {
  const answer = await client.chat.completions.create({
    model,
    messages: ask("What is 3 + 4?"),
    temperature: 0,
    logprobs: true,
    top_logprobs: 4,
  });
  const content = answer.choices[0]?.logprobs?.content ?? [];
  const text = Buffer.concat(content.map(({ bytes }) => Buffer.from(bytes ?? []))).toString();
  expect(text).toContain(answer.choices[0]?.message.content ?? "-");
  for (const { logprob, top_logprobs } of content) {
    expect(logprob).toBeLessThanOrEqual(0);
    expect(top_logprobs).toHaveLength(4);
    expect(top_logprobs[0]?.logprob).toBeCloseTo(logprob, 5);
    const sorted = top_logprobs.map((top) => top.logprob).sort((a, b) => b - a);
    expect(top_logprobs.map((top) => top.logprob)).toEqual(sorted);
  }
});

test("n = 3 gives three choices that share the prompt", async () => {
  const answer = await client.chat.completions.create({
    model,
    messages: ask("Hello!"),
    n: 3,
    seed: 1,
    max_tokens: 20,
  });
  expect(answer.choices.map(({ index }) => index).sort()).toEqual([0, 1, 2]);
  for (const { message } of answer.choices) expect(message.content?.length).toBeGreaterThan(0);
});

test("a stop string ends the answer before it, and never shows", async () => {
  const answer = await client.chat.completions.create({
    model,
    messages: ask("Count from 1 to 20."),
    temperature: 0,
    stop: ["7"],
  });
  const text = answer.choices[0]?.message.content ?? "";
  expect(text).toContain("6");
  expect(text).not.toContain("7");
  expect(answer.choices[0]?.finish_reason).toBe("stop");
});

test("the same seed gives the same text, another seed may not", async () => {
  const sample = async (seed: number) => {
    const answer = await client.chat.completions.create({
      model,
      messages: ask("Tell me a joke."),
      temperature: 1.5,
      seed,
      max_tokens: 40,
    });
    return answer.choices[0]?.message.content;
  };
  expect(await sample(7)).toBe(await sample(7));
  const others = await Promise.all([1, 2, 3, 4, 5, 6].map(sample));
  expect(new Set(others).size).toBeGreaterThan(1);
});

test("text completion and the list of models", async () => {
  const models = await client.models.list();
  expect(models.data.map(({ id }) => id)).toEqual([model]);
  const answer = await client.completions.create({
    model,
    prompt: "Hello",
    max_tokens: 5,
    echo: true,
  });
  expect(answer.choices[0]?.text.startsWith("Hello")).toBe(true);
});

test("a client that leaves in mid-stream frees the engine", async () => {
  const stream = await client.chat.completions.create({
    model,
    messages: ask("Count from 1 to 200."),
    max_tokens: 2000,
    stream: true,
    // Without an end of its own, so that only the abort can end it.
    ...{ ignore_eos: true },
  });
  let pieces = 0;
  for await (const _ of stream) if (++pieces === 5) break;
  stream.controller.abort();
  expect(await waitUntilIdle(program.systemUrl)).toEqual({ running: 0, waiting: 0, pagesUsed: 0 });
});

test("a client's mistake is told with field, value and remedy, and the server goes on", async () => {
  await expect(
    client.chat.completions.create({ model: "gpt-9", messages: ask("Hi") }),
  ).rejects.toMatchObject({ status: 404, code: "model_not_found" });
  await expect(
    client.chat.completions.create({ model, messages: ask("Hi"), temperature: 9 }),
  ).rejects.toMatchObject({ status: 400, param: "temperature" });
  const answer = await client.chat.completions.create({ model, messages: ask("Hello!") });
  expect(answer.choices[0]?.message.content?.length).toBeGreaterThan(0);
});
