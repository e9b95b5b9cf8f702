// Calls and reasoning in every API, whole and streamed, however the worker's items cut the text.
import Anthropic from "@anthropic-ai/sdk";
import { modelPath } from "@dyn/tiny-models";
import { loadTokenizer, type Tokenizer } from "@dyn/tokenizer";
import fc from "fast-check";
import type { ChatCompletionCreateParamsNonStreaming } from "openai/resources/chat/completions";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Deployment, startDeployment } from "./support/deployment.ts";
import { startScriptedWorker } from "./support/scripted-worker.ts";

const name = "scripted";
let deployment: Deployment;
let tokenizer: Tokenizer;
/** What the worker says next, in items of so many tokens, and how it ends. */
let script = { text: "", sizes: [1], finish: "stop" };

beforeAll(async () => {
  deployment = await startDeployment({ settings: { anthropicApi: true } });
  tokenizer = await loadTokenizer(modelPath("dyn-tiny-chat"));
  await startScriptedWorker(
    deployment.hub,
    name,
    async function* () {
      const ids = Array.from(tokenizer.encode(script.text));
      for (let at = 0, i = 0; at < ids.length; i++) {
        const size = script.sizes[i % script.sizes.length]!;
        yield { token_ids: ids.slice(at, at + size) };
        at += size;
      }
      yield { token_ids: [], finish_reason: script.finish };
    },
    { runtimeConfig: { toolCallParser: "hermes", reasoningParser: "qwen3" } },
  );
  await deployment.gateway.waitForModel(name, { signal: AbortSignal.timeout(30_000) });
});
afterAll(() => deployment.close());

const tools = [
  {
    type: "function" as const,
    function: {
      name: "weather",
      description: "Tells the weather.",
      parameters: { type: "object", properties: { place: { type: "string" } } },
    },
  },
];
const base = {
  model: name,
  messages: [{ role: "user" as const, content: "How is it in Rome?" }],
  tools,
  skip_special_tokens: false,
};
const thought = "<think>\nI must ask.\n</think>\n\n";
const call = '<tool_call>\n{"name": "weather", "arguments": {"place": "Rome"}}\n</tool_call>';
const twoCalls = `${call}\n${call.replace("Rome", "Oslo")}`;

async function whole(fields: object = {}) {
  const params = { ...base, ...fields } as unknown as ChatCompletionCreateParamsNonStreaming;
  const { choices, usage } = await deployment.client.chat.completions.create(params);
  const { message, finish_reason } = choices[0]!;
  const { content, tool_calls, reasoning_content } = message as typeof message & {
    reasoning_content?: string;
  };
  const calls = (tool_calls ?? []).map((it) => (it.type === "function" ? it.function : null));
  return {
    content: content ?? "",
    reasoning: reasoning_content ?? "",
    calls,
    finish_reason,
    usage,
  };
}

async function streamed(fields: object = {}) {
  const stream = await deployment.client.chat.completions.create({
    ...base,
    ...fields,
    stream: true,
    stream_options: { include_usage: true },
  });
  let content = "";
  let reasoning = "";
  let finish_reason: string | null = null;
  let usage: unknown;
  const calls: { name: string; arguments: string }[] = [];
  const ids = new Set<string>();
  for await (const chunk of stream) {
    usage = chunk.usage ?? usage;
    const [choice] = chunk.choices;
    if (choice === undefined) continue;
    content += choice.delta.content ?? "";
    reasoning += (choice.delta as { reasoning_content?: string }).reasoning_content ?? "";
    for (const part of choice.delta.tool_calls ?? []) {
      if (part.id !== undefined) {
        ids.add(part.id);
        calls[part.index] = { name: part.function!.name!, arguments: "" };
      }
      calls[part.index]!.arguments += part.function?.arguments ?? "";
    }
    finish_reason = choice.finish_reason ?? finish_reason;
  }
  expect(ids.size).toBe(calls.length);
  return { content, reasoning, calls, finish_reason, usage };
}

describe("chat completions", () => {
  it("give reasoning and calls apart from the content", async () => {
    script = { text: `${thought}Let me see. ${call}`, sizes: [1], finish: "stop" };
    const answer = await whole();
    expect(answer).toMatchObject({
      content: "\n\nLet me see. ",
      calls: [{ name: "weather", arguments: '{"place": "Rome"}' }],
      finish_reason: "tool_calls",
    });
    expect(answer.reasoning.trim()).toBe("I must ask.");
    const reasoningTokens = tokenizer.encode("<think>\nI must ask.\n</think>").length;
    expect(answer.usage!.completion_tokens_details!.reasoning_tokens).toBe(reasoningTokens);
  });

  it("say the same whole and streamed, however the items cut the text", async () => {
    const texts = [
      `${thought}Let me see. ${call}`,
      twoCalls,
      `before ${twoCalls} after`,
      "<think>never closed",
      "plain text with < and <too and </think> in it",
      `${call.slice(0, 40)}`,
      '<tool_call>{"name": "weather", "arguments": {broken}}</tool_call> rest',
    ];
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...texts),
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 4 }),
        async (text, sizes) => {
          script = { text, sizes, finish: "stop" };
          const fromWhole = await whole();
          const fromStream = await streamed();
          expect(fromStream).toEqual(fromWhole);
          script = { text, sizes: [1000], finish: "stop" };
          const { usage: _, ...atOnce } = await whole();
          expect(fromWhole).toMatchObject(atOnce);
        },
      ),
      { numRuns: 40 },
    );
  });

  it("leave a cut call undone: the reason is length", async () => {
    script = { text: call.slice(0, -25), sizes: [1], finish: "length" };
    expect((await whole()).finish_reason).toBe("length");
    script = { ...script, finish: "stop" };
    expect((await whole()).finish_reason).toBe("length");
  });

  it("keep markup as text when there are no tools, or none may be called", async () => {
    script = { text: call, sizes: [3], finish: "stop" };
    expect(await whole({ tools: undefined })).toMatchObject({ content: call, calls: [] });
    expect(await whole({ tool_choice: "none" })).toMatchObject({
      content: call,
      calls: [],
      finish_reason: "stop",
    });
  });

  it("keep the first call alone when calls must not be parallel", async () => {
    script = { text: twoCalls, sizes: [2], finish: "stop" };
    expect((await whole({ parallel_tool_calls: false })).calls).toHaveLength(1);
    expect((await whole()).calls).toHaveLength(2);
  });

  it("read a forced call from bare JSON", async () => {
    script = { text: '{"place": "Rome"}', sizes: [2], finish: "stop" };
    const named = { type: "function", function: { name: "weather" } };
    expect(await whole({ tool_choice: named })).toMatchObject({
      content: "",
      calls: [{ name: "weather", arguments: '{"place": "Rome"}' }],
      finish_reason: "tool_calls",
    });
    script = {
      text: '[{"name": "weather", "parameters": {"place": "Rome"}}]',
      sizes: [2],
      finish: "stop",
    };
    expect((await streamed({ tool_choice: "required" })).calls).toEqual([
      { name: "weather", arguments: '{"place": "Rome"}' },
    ]);
  });

  it("show reasoning as SGLang's switches say", async () => {
    script = { text: `${thought}So be it.`, sizes: [1], finish: "stop" };
    const joined = await whole({ separate_reasoning: false });
    expect(joined.reasoning).toBe("");
    expect(joined.content).toContain("I must ask.");
    const stream = await deployment.client.chat.completions.create({
      ...base,
      stream: true,
      ...({ stream_reasoning: false } as object),
    });
    let pieces = 0;
    for await (const { choices } of stream) {
      if ((choices[0]?.delta as { reasoning_content?: string })?.reasoning_content) pieces += 1;
    }
    expect(pieces).toBe(1);
  });
});

it("Anthropic's client gets thinking, text and calls as blocks, in their order", async () => {
  script = { text: `${thought}Let me see. ${call}`, sizes: [2], finish: "stop" };
  const client = new Anthropic({ baseURL: deployment.url, apiKey: "none", maxRetries: 0 });
  const params = {
    model: name,
    max_tokens: 100,
    messages: [{ role: "user" as const, content: "How is it in Rome?" }],
    tools: [{ name: "weather", input_schema: { type: "object" as const } }],
  };
  const message = await client.messages.create(params);
  expect(message.content.map(({ type }) => type)).toEqual(["thinking", "text", "tool_use"]);
  expect(message.content[2]).toMatchObject({ name: "weather", input: { place: "Rome" } });
  expect(message.stop_reason).toBe("tool_use");
  const final = await client.messages.stream(params).finalMessage();
  const plain = (content: Anthropic.ContentBlock[]) =>
    content.map((block) => ("id" in block ? { ...block, id: "" } : block));
  expect(plain(final.content)).toEqual(plain(message.content));
});

it("the Responses API gives reasoning and calls as items, with all their events", async () => {
  script = { text: `${thought}Let me see. ${call}`, sizes: [2], finish: "stop" };
  const params = {
    model: name,
    input: "How is it in Rome?",
    tools: [
      {
        type: "function" as const,
        name: "weather",
        parameters: { type: "object" },
        strict: false,
      },
    ],
  };
  const response = await deployment.client.responses.create(params);
  expect(response.output.map(({ type }) => type)).toEqual([
    "reasoning",
    "message",
    "function_call",
  ]);
  expect(response.output[2]).toMatchObject({ name: "weather", arguments: '{"place": "Rome"}' });
  expect(response.usage!.output_tokens_details.reasoning_tokens).toBeGreaterThan(3);
  const stream = deployment.client.responses.stream(params);
  const types = new Set<string>();
  for await (const event of stream) types.add(event.type);
  const final = await stream.finalResponse();
  expect(final.output.map(({ type }) => type)).toEqual(["reasoning", "message", "function_call"]);
  for (const type of [
    "response.reasoning_text.delta",
    "response.reasoning_text.done",
    "response.function_call_arguments.delta",
    "response.function_call_arguments.done",
    "response.output_text.delta",
    "response.completed",
  ]) {
    expect(types).toContain(type);
  }
});

it("a model whose parser nobody knows is not served, and the log lists the known ones", async () => {
  const worker = await startScriptedWorker(deployment.hub, "odd", async function* () {}, {
    runtimeConfig: { toolCallParser: "hermez" },
  });
  await expect.poll(() => deployment.log.join("\n")).toMatch(/hermez.*Did you mean .*hermes/);
  await worker.close();
});
