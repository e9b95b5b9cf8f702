// What Anthropic's official client sees of a whole deployment.
import Anthropic from "@anthropic-ai/sdk";
import type { EngineOutputItem, PreprocessedRequest } from "@dyn/protocol";
import { modelPath } from "@dyn/tiny-models";
import { loadTokenizer, type Tokenizer } from "@dyn/tokenizer";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Deployment, model, startDeployment } from "./support/deployment.ts";
import { startScriptedWorker } from "./support/scripted-worker.ts";

let deployment: Deployment;
let client: Anthropic;
let tokenizer: Tokenizer;
let seen: PreprocessedRequest | null = null;

beforeAll(async () => {
  deployment = await startDeployment({ settings: { anthropicApi: true } });
  client = new Anthropic({ baseURL: deployment.url, apiKey: "none", maxRetries: 0 });
  tokenizer = await loadTokenizer(modelPath("dyn-tiny-chat"));
  await startScriptedWorker(deployment.hub, "scripted", async function* (request) {
    seen = request;
    const token_ids = Array.from(tokenizer.encode("Well, hello END there"));
    const item: EngineOutputItem = {
      token_ids,
      completion_usage: {
        prompt_tokens: request.token_ids.length,
        completion_tokens: token_ids.length,
        total_tokens: request.token_ids.length + token_ids.length,
        prompt_tokens_details: { cached_tokens: 4 },
      },
    };
    yield item;
    yield { token_ids: [], finish_reason: "stop" };
  });
  await deployment.gateway.waitForModel("scripted", { signal: AbortSignal.timeout(30_000) });
});
afterAll(() => deployment.close());

const messages: Anthropic.MessageParam[] = [{ role: "user", content: "hello" }];
const base = { model, messages, max_tokens: 24, temperature: 0 };

/** The prompt that the worker was sent, as text. */
const prompt = () => tokenizer.decode(seen!.token_ids as number[], { skipSpecialTokens: false });

describe("messages", () => {
  it("answers whole, with usage and the reason of the end", async () => {
    const message = await client.messages.create(base);
    expect(message).toMatchObject({
      id: expect.stringMatching(/^msg_[0-9a-f]{32}$/),
      type: "message",
      role: "assistant",
      model,
      stop_reason: "max_tokens",
      stop_sequence: null,
      usage: { output_tokens: 24, cache_creation_input_tokens: 0 },
    });
    expect(message.content).toEqual([{ type: "text", text: expect.any(String) }]);
  });

  it("streams the same message; the client puts it together", async () => {
    const whole = await client.messages.create(base);
    const stream = client.messages.stream(base);
    const types: string[] = [];
    for await (const event of stream) types.push(event.type);
    const final = await stream.finalMessage();
    expect(final.content).toEqual(whole.content);
    expect(final.stop_reason).toBe("max_tokens");
    expect(final.usage.output_tokens).toBe(24);
    expect(types[0]).toBe("message_start");
    expect(types.slice(-3)).toEqual(["content_block_stop", "message_delta", "message_stop"]);
  });

  it("says which stop sequence ended it, and what came from the cache", async () => {
    const message = await client.messages.create({
      ...base,
      model: "scripted",
      stop_sequences: ["END"],
    });
    expect(message.content).toEqual([{ type: "text", text: "Well, hello " }]);
    expect(message).toMatchObject({ stop_reason: "stop_sequence", stop_sequence: "END" });
    expect(message.usage.cache_read_input_tokens).toBe(4);
    expect(message.usage.input_tokens).toBe(seen!.token_ids.length - 4);
  });

  it("puts system, tools, calls, results and thinking where the model's template has them", async () => {
    await client.messages.create({
      ...base,
      model: "scripted",
      system: [
        { type: "text", text: "x-anthropic-billing-header: cc_version=1; cch=abc;" },
        { type: "text", text: "Be brief." },
      ],
      tools: [
        {
          name: "weather",
          description: "Tells the weather.",
          input_schema: { type: "object", properties: { place: { type: "string" } } },
        },
      ],
      messages: [
        { role: "user", content: "How is it in Rome?" },
        {
          role: "assistant",
          content: [
            { type: "thinking", thinking: "I must ask.", signature: "" },
            { type: "tool_use", id: "call_1", name: "weather", input: { place: "Rome" } },
          ],
        },
        {
          role: "user",
          content: [
            { type: "text", text: "And then?" },
            {
              type: "tool_result",
              tool_use_id: "call_1",
              content: [{ type: "text", text: "sunny" }],
            },
          ],
        },
      ],
    });
    const text = prompt();
    expect(text).toContain("Be brief.");
    expect(text).not.toContain("billing");
    expect(text).toContain('"name": "weather"');
    expect(text).toContain("Rome");
    expect(text.indexOf("sunny")).toBeLessThan(text.indexOf("And then?"));
    expect(text.indexOf("sunny")).toBeGreaterThan(text.indexOf("weather"));
  });

  it("counts a prompt's tokens exactly", async () => {
    await client.messages.create({ ...base, model: "scripted", system: "Count me." });
    const { input_tokens } = await client.messages.countTokens({
      model: "scripted",
      messages,
      system: "Count me.",
    });
    expect(input_tokens).toBe(seen!.token_ids.length);
  });

  it("lists models in Anthropic's form for its clients, in OpenAI's for others", async () => {
    const page = await client.models.list();
    expect(page.data.map(({ id }) => id)).toEqual([model, "scripted"]);
    expect(page.data[0]).toMatchObject({ type: "model", display_name: model });
    expect((await client.models.retrieve(model)).id).toBe(model);
    const plain = (await (await fetch(`${deployment.url}/v1/models`)).json()) as { object: string };
    expect(plain.object).toBe("list");
  });
});

describe("errors have Anthropic's form", () => {
  it.each([
    ["an unknown model", { model: "nobody" }, 404, "not_found_error", /does not exist/],
    ["no max_tokens", { max_tokens: undefined }, 400, "invalid_request_error", /max_tokens/],
    ["max_tokens zero", { max_tokens: 0 }, 400, "invalid_request_error", /max_tokens/],
    ["no messages", { messages: [] }, 400, "invalid_request_error", /messages/],
    [
      "a document",
      { messages: [{ role: "user", content: [{ type: "document", source: {} }] }] },
      400,
      "invalid_request_error",
      /must be one of text, image/,
    ],
    [
      "an image for a model that reads text",
      {
        messages: [
          {
            role: "user",
            content: [
              { type: "image", source: { type: "base64", media_type: "image/png", data: "aGk=" } },
            ],
          },
        ],
      },
      400,
      "invalid_request_error",
      /reads text alone/,
    ],
    [
      "a tool of Anthropic's",
      { tools: [{ type: "web_search_20250305", name: "web_search" }] },
      400,
      "invalid_request_error",
      /custom/,
    ],
    [
      "a prompt beyond the context",
      { messages: [{ role: "user", content: "word ".repeat(6000) }] },
      400,
      "invalid_request_error",
      /context length is 4096/,
    ],
  ])("%s", async (_, fields, status, type, says) => {
    const answer = await fetch(`${deployment.url}/v1/messages`, {
      method: "POST",
      headers: { "content-type": "application/json", "anthropic-version": "2023-06-01" },
      body: JSON.stringify({ ...base, ...fields }),
    });
    expect(answer.status).toBe(status);
    const body = (await answer.json()) as {
      type: string;
      error: { type: string; message: string };
    };
    expect(body.type).toBe("error");
    expect(body.error.type).toBe(type);
    expect(body.error.message).toMatch(says);
  });

  it("also when the worker fails in mid-stream: one error event, and no end", async () => {
    await startScriptedWorker(deployment.hub, "failing", async function* () {
      yield { token_ids: [300] };
      throw new Error("broken");
    });
    await deployment.gateway.waitForModel("failing", { signal: AbortSignal.timeout(30_000) });
    const answer = await fetch(`${deployment.url}/v1/messages`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ ...base, model: "failing", stream: true }),
    });
    const events = (await answer.text()).trim().split("\n\n");
    expect(events.at(-1)).toMatch(/^event: error\ndata: \{"type":"error"/);
    expect(events.join()).not.toContain("[DONE]");
  });
});

it("the routes are unknown unless they are switched on", async () => {
  const other = await startDeployment();
  const answer = await fetch(`${other.url}/v1/messages`, { method: "POST", body: "{}" });
  expect(answer.status).toBe(404);
  await other.close();
});
