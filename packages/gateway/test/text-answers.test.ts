// The Responses and Messages APIs over a worker that takes text: what they say equals what the same model says in token mode.
import Anthropic from "@anthropic-ai/sdk";
import type OpenAI from "openai";
import type { APIError } from "openai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isIdle, model, until } from "./support/deployment.ts";
import { startTextDeployment, type TextDeployment, textModel } from "./support/text-deployment.ts";

let text: TextDeployment;
let openai: OpenAI;
let anthropic: Anthropic;

beforeAll(async () => {
  text = await startTextDeployment();
  openai = text.deployment.client;
  anthropic = new Anthropic({ baseURL: text.deployment.url, apiKey: "none", maxRetries: 0 });
});
afterAll(() => text.close());

const bothModels = <Answer>(ask: (model: string) => Promise<Answer>) =>
  Promise.all([ask(model), ask(textModel)]);

/** Ids, times, names and caches differ; nothing else may. */
function comparable(answer: unknown): unknown {
  const apart =
    /^(?:id|item_id|call_id|created_at|model|\w*_tokens_details|cache_\w+|input_tokens)$/;
  return JSON.parse(JSON.stringify(answer, (key, value) => (apart.test(key) ? undefined : value)));
}

async function collect<Item>(stream: AsyncIterable<Item>): Promise<Item[]> {
  const items: Item[] = [];
  for await (const item of stream) items.push(item);
  return items;
}

const parameters = {
  type: "object" as const,
  properties: { a: { type: "integer" } },
  required: ["a"],
  additionalProperties: false,
};

describe("/v1/responses", () => {
  const asked: readonly [
    string,
    Omit<OpenAI.Responses.ResponseCreateParams, "stream" | "model">,
  ][] = [
    ["a question", { input: "What is 2 + 2?", max_output_tokens: 24, temperature: 0 }],
    [
      "a conversation",
      {
        instructions: "Be brief.",
        input: [
          { role: "user", content: "Hi" },
          { role: "assistant", content: "Hello." },
          { role: "user", content: "And?" },
        ],
        max_output_tokens: 12,
        temperature: 0,
      },
    ],
    [
      "a forced call",
      {
        input: "Add",
        max_output_tokens: 80,
        temperature: 0,
        tools: [{ type: "function", name: "add", parameters, strict: true }],
        tool_choice: "required",
      },
    ],
    [
      "log-probabilities",
      {
        input: "Hello",
        max_output_tokens: 6,
        temperature: 0,
        top_logprobs: 2,
        include: ["message.output_text.logprobs"],
      },
    ],
  ];

  it.each(asked)("%s, whole", async (_, request) => {
    const [tokens, texts] = await bothModels((name) =>
      openai.responses.create({ ...request, model: name, stream: false }),
    );
    expect(comparable(texts)).toEqual(comparable(tokens));
    expect(texts.usage!.output_tokens).toBeGreaterThan(0);
    expect(texts.usage!.input_tokens).toBe(tokens.usage!.input_tokens);
  });

  it.each(asked)("%s, streamed, event by event", async (_, request) => {
    const [tokens, texts] = await bothModels(async (name) =>
      collect(await openai.responses.create({ ...request, model: name, stream: true })),
    );
    expect(comparable(texts)).toEqual(comparable(tokens));
    expect(texts.at(-1)!.type).toMatch(/^response\.(completed|incomplete)$/);
  });
});

describe("/v1/messages", () => {
  const messages = [{ role: "user" as const, content: "What is 2 + 2?" }];
  type Asked = Omit<Anthropic.MessageCreateParamsNonStreaming, "stream" | "model">;
  /** The API has it; the client's type does not any more. */
  type Greedy = Asked & { readonly top_k: 1 };
  const asked: readonly [string, Greedy][] = [
    ["a question", { messages, max_tokens: 24, top_k: 1 }],
    ["a system prompt", { messages, system: "Be brief.", max_tokens: 12, top_k: 1 }],
    ["a stop sequence", { messages, max_tokens: 60, top_k: 1, stop_sequences: ["e", "a"] }],
    [
      "a forced call",
      {
        messages,
        max_tokens: 80,
        top_k: 1,
        tools: [{ name: "add", input_schema: parameters }],
        tool_choice: { type: "any" },
      },
    ],
  ];

  it.each(asked)("%s, whole", async (_, request) => {
    const [tokens, texts] = await bothModels((name) =>
      anthropic.messages.create({ ...request, model: name, stream: false }),
    );
    expect(comparable(texts)).toEqual(comparable(tokens));
    const read = ({ usage }: Anthropic.Message) =>
      usage.input_tokens + (usage.cache_read_input_tokens ?? 0);
    expect(read(texts)).toBe(read(tokens));
  });

  it.each(asked)("%s, streamed, event by event", async (_, request) => {
    const [tokens, texts] = await bothModels(async (name) =>
      collect(await anthropic.messages.create({ ...request, model: name, stream: true })),
    );
    expect(comparable(texts)).toEqual(comparable(tokens));
    const last = texts.at(-2) as Anthropic.RawMessageDeltaEvent;
    expect(last.usage.input_tokens).toBeGreaterThan(0);
  });
});

it("errors are those of token mode", async () => {
  const input = "word ".repeat(5000);
  const refusals = await bothModels((name) =>
    openai.responses.create({ model: name, input }).then(
      () => null,
      ({ status, code, message }: APIError) => [status, code, message],
    ),
  );
  expect(refusals[0]).toEqual([400, "context_length_exceeded", expect.any(String)]);
  expect(refusals[1]).toEqual(refusals[0]);
});

it("tokens are not counted by guess: the worker has the tokenizer", async () => {
  const messages = [{ role: "user" as const, content: "Hi" }];
  const counts = [
    anthropic.messages.countTokens({ model: textModel, messages }),
    openai.responses.inputTokens.count({ model: textModel, input: "Hi" }),
  ];
  for (const count of counts) {
    await expect(count).rejects.toMatchObject({
      status: 400,
      message: expect.stringContaining("neither count nor make tokens"),
    });
  }
});

it("a client that leaves ends the request in the worker", async () => {
  const stream = anthropic.messages.stream({
    model: textModel,
    max_tokens: 4000,
    messages: [{ role: "user", content: "Hello" }],
  });
  stream.on("error", () => {});
  stream.on("abort", () => {});
  await new Promise<void>((resolve) => stream.once("streamEvent", () => resolve()));
  stream.abort();
  await until(() => isIdle(text.engine), "the engine is idle");
});
