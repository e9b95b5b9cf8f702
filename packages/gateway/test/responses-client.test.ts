// What OpenAI's official client sees of the Responses API.
import type { PreprocessedRequest } from "@dyn/protocol";
import { modelPath } from "@dyn/tiny-models";
import { loadTokenizer, type Tokenizer } from "@dyn/tokenizer";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Deployment, model, startDeployment } from "./support/deployment.ts";
import { startScriptedWorker } from "./support/scripted-worker.ts";

let deployment: Deployment;
let tokenizer: Tokenizer;
let seen: PreprocessedRequest | null = null;

beforeAll(async () => {
  deployment = await startDeployment();
  tokenizer = await loadTokenizer(modelPath("dyn-tiny-chat"));
  await startScriptedWorker(deployment.hub, "scripted", async function* (request) {
    seen = request;
    yield { token_ids: Array.from(tokenizer.encode("Well, hello there")) };
    yield { token_ids: [], finish_reason: "stop" };
  });
  await deployment.gateway.waitForModel("scripted", { signal: AbortSignal.timeout(30_000) });
});
afterAll(() => deployment.close());

const base = { model, input: "hello", max_output_tokens: 24, temperature: 0 };
const prompt = () => tokenizer.decode(seen!.token_ids as number[], { skipSpecialTokens: false });

describe("responses", () => {
  it("answers whole, with usage", async () => {
    const response = await deployment.client.responses.create({ ...base, model: "scripted" });
    expect(response).toMatchObject({
      object: "response",
      status: "completed",
      model: "scripted",
      error: null,
      output_text: "Well, hello there",
    });
    expect(response.id).toMatch(/^resp_[0-9a-f]{32}$/);
    expect(response.usage!.input_tokens).toBe(seen!.token_ids.length);
    expect(response.usage!.total_tokens).toBe(
      response.usage!.input_tokens + response.usage!.output_tokens,
    );
  });

  it("says that it is incomplete when the tokens ran out", async () => {
    const response = await deployment.client.responses.create(base);
    expect(response.status).toBe("incomplete");
    expect(response.incomplete_details).toEqual({ reason: "max_output_tokens" });
    expect(response.usage!.output_tokens).toBe(24);
  });

  it("streams numbered events that add up to the same response", async () => {
    const whole = await deployment.client.responses.create(base);
    const stream = await deployment.client.responses.create({ ...base, stream: true });
    const events = [];
    for await (const event of stream) events.push(event);
    expect(events.map((event) => event.sequence_number)).toEqual(events.map((_, i) => i));
    const types = events.map(({ type }) => type);
    expect(types.filter((type) => !type.endsWith(".delta"))).toEqual([
      "response.created",
      "response.in_progress",
      "response.output_item.added",
      "response.content_part.added",
      "response.output_text.done",
      "response.content_part.done",
      "response.output_item.done",
      "response.incomplete",
    ]);
    const text = events
      .map((event) => (event.type === "response.output_text.delta" ? event.delta : ""))
      .join("");
    expect(text).toBe(whole.output_text);
    const last = events.at(-1)!;
    if (last.type !== "response.incomplete") throw new Error(last.type);
    expect(last.response.output.map(({ type }) => type)).toEqual(["message"]);
    expect(last.response.usage!.output_tokens).toBe(24);
  });

  it("is what the client's own stream helper puts together", async () => {
    const stream = deployment.client.responses.stream({ ...base, model: "scripted" });
    const response = await stream.finalResponse();
    expect(response.output_text).toBe("Well, hello there");
  });

  it("gives log-probabilities when they are included", async () => {
    const response = await deployment.client.responses.create({
      ...base,
      top_logprobs: 2,
      include: ["message.output_text.logprobs"],
    });
    const [item] = response.output;
    if (item?.type !== "message") throw new Error("no message");
    const [part] = item.content;
    if (part?.type !== "output_text") throw new Error("no text");
    expect(part.logprobs!.length).toBeGreaterThan(0);
    expect(part.logprobs![0]!.top_logprobs).toHaveLength(2);
  });

  it("takes a whole conversation: instructions, reasoning, calls and their results", async () => {
    await deployment.client.responses.create({
      ...base,
      model: "scripted",
      instructions: "Be brief.",
      tools: [
        {
          type: "function",
          name: "weather",
          description: "Tells the weather.",
          parameters: { type: "object", properties: { place: { type: "string" } } },
          strict: null as unknown as boolean,
        },
      ],
      input: [
        { role: "user", content: [{ type: "input_text", text: "How is it in Rome?" }] },
        {
          type: "reasoning",
          id: "rs_1",
          summary: [],
          content: [{ type: "reasoning_text", text: "I ask." }],
        },
        { type: "function_call", call_id: "c1", name: "weather", arguments: '{"place":"Rome"}' },
        { type: "function_call_output", call_id: "c1", output: "sunny" },
        { role: "user", content: "And now?" },
      ],
    });
    const text = prompt();
    const order = ["Be brief.", "How is it", "weather", "sunny", "And now?"].map((part) =>
      text.lastIndexOf(part),
    );
    expect(order).not.toContain(-1);
    expect([...order].sort((a, b) => a - b)).toEqual(order);
  });

  it("counts input tokens exactly", async () => {
    await deployment.client.responses.create({ ...base, model: "scripted" });
    const count = await deployment.client.responses.inputTokens.count({
      model: "scripted",
      input: base.input,
    });
    expect(count).toMatchObject({
      object: "response.input_tokens",
      input_tokens: seen!.token_ids.length,
    });
  });
});

describe("what is refused", () => {
  it.each([
    ["previous_response_id", { previous_response_id: "resp_1" }, 501],
    ["background", { background: true }, 501],
    ["max_tool_calls", { max_tool_calls: 3 }, 501],
    ["prompt", { prompt: { id: "p" } }, 501],
    ["input[0]", { input: [{ type: "item_reference", id: "msg_1" }] }, 501],
    ["input", { input: [] }, 400],
    ["input", { input: 5 }, 400],
    ["input[0].role", { input: [{ role: "robot", content: "x" }] }, 400],
    ["input[0].type", { input: [{ type: "computer_call" }] }, 400],
    ["tools[0].type", { tools: [{ type: "web_search" }] }, 400],
    ["max_output_tokens", { max_output_tokens: 0 }, 400],
    ["model", { model: "nobody" }, 404],
  ])("%s", async (param, fields, status) => {
    const answer = await fetch(`${deployment.url}/v1/responses`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ ...base, ...fields }),
    });
    const body = (await answer.json()) as { error: { param: string; message: string } };
    expect(answer.status, body.error.message).toBe(status);
    expect(body.error.param).toBe(param);
  });

  it("a failure in mid-stream is a failed response", async () => {
    await startScriptedWorker(deployment.hub, "failing", async function* () {
      yield { token_ids: [300] };
      throw new Error("broken");
    });
    await deployment.gateway.waitForModel("failing", { signal: AbortSignal.timeout(30_000) });
    const stream = await deployment.client.responses.create({
      ...base,
      model: "failing",
      stream: true,
    });
    const events = [];
    for await (const event of stream) events.push(event);
    const last = events.at(-1)!;
    if (last.type !== "response.failed") throw new Error(last.type);
    expect(last.response.status).toBe("failed");
    expect(last.response.error!.message).toMatch(/failed/);
  });
});
