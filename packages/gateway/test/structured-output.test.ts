// Answers that must have a form, from a model whose tokens are drawn blindly: what is not forced would not come.
import type { PreprocessedRequest } from "@dyn/protocol";
import type { ChatCompletionCreateParamsNonStreaming } from "openai/resources/chat/completions";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Deployment, model, startDeployment } from "./support/deployment.ts";
import { startScriptedWorker } from "./support/scripted-worker.ts";

let deployment: Deployment;
beforeAll(async () => {
  deployment = await startDeployment();
});
afterAll(() => deployment.close());

const schema = {
  type: "object",
  properties: {
    name: { type: "string", maxLength: 8 },
    age: { type: "integer", minimum: 1, maximum: 120 },
    tags: { type: "array", items: { enum: ["a", "b"] }, minItems: 1, maxItems: 3 },
  },
  required: ["name", "age", "tags"],
  additionalProperties: false,
};
const tools = [
  { type: "function" as const, function: { name: "register", parameters: schema } },
  {
    type: "function" as const,
    function: {
      name: "forget",
      parameters: {
        type: "object",
        properties: { id: { type: "integer" } },
        required: ["id"],
        additionalProperties: false,
      },
    },
  },
];

async function ask(fields: object) {
  const params = {
    model,
    messages: [{ role: "user", content: "hello" }],
    max_tokens: 400,
    temperature: 1,
    seed: 3,
    ...fields,
  };
  return await deployment.client.chat.completions.create(
    params as unknown as ChatCompletionCreateParamsNonStreaming,
  );
}

function expectPerson(text: string | null): void {
  const value = JSON.parse(text!) as { name: string; age: number; tags: string[] };
  expect(Object.keys(value)).toEqual(["name", "age", "tags"]);
  expect(typeof value.name).toBe("string");
  expect(value.age).toBeGreaterThanOrEqual(1);
  expect(value.age).toBeLessThanOrEqual(120);
  for (const tag of value.tags) expect(["a", "b"]).toContain(tag);
}

describe("a form", () => {
  it("of a JSON schema holds for each choice, with log-probabilities beside it", async () => {
    const { choices } = await ask({
      n: 3,
      logprobs: true,
      response_format: { type: "json_schema", json_schema: { name: "person", schema } },
    });
    expect(choices).toHaveLength(3);
    for (const { message, finish_reason, logprobs } of choices) {
      expectPerson(message.content);
      expect(finish_reason).toBe("stop");
      expect(logprobs!.content!.length).toBeGreaterThan(0);
    }
  });

  it("may be any JSON object", async () => {
    const { choices } = await ask({ response_format: { type: "json_object" } });
    const [choice] = choices;
    if (choice!.finish_reason === "stop") JSON.parse(choice!.message.content!);
    else expect(choice!.message.content).toMatch(/^\s*\{/);
  });

  it("may be a regular expression or a choice, also of text completions", async () => {
    const { choices } = await ask({ guided_regex: "[A-Z]{2}-[0-9]{3}" });
    expect(choices[0]!.message.content).toMatch(/^[A-Z]{2}-[0-9]{3}$/);
    const chosen = await ask({ guided_choice: ["yes", "no", "perhaps"] });
    expect(["yes", "no", "perhaps"]).toContain(chosen.choices[0]!.message.content);
    const text = await deployment.client.completions.create({
      model,
      prompt: "a",
      max_tokens: 50,
      ...({ guided_grammar: 'root ::= "x" [0-9]+ "y"' } as object),
    });
    expect(text.choices[0]!.text).toMatch(/^x[0-9]+y?$/);
  });
});

it("begins at once where the prompt has closed its reasoning, and behind it elsewhere", async () => {
  const seen: PreprocessedRequest[] = [];
  const worker = await startScriptedWorker(
    deployment.hub,
    "thinker",
    async function* (request) {
      seen.push(request);
      yield { token_ids: [300], finish_reason: "stop" };
    },
    { runtimeConfig: { reasoningParser: "qwen3" } },
  );
  await deployment.gateway.waitForModel("thinker", { signal: AbortSignal.timeout(30_000) });
  const response_format = { type: "json_object" };
  await ask({ model: "thinker", response_format });
  await ask({ model: "thinker", response_format, chat_template_kwargs: { enable_thinking: true } });
  expect(seen.map((request) => request.require_reasoning ?? false)).toEqual([false, true]);
  await worker.close();
});

describe("a call that must be made", () => {
  it("to one of the tools is made, with arguments of its schema", async () => {
    const { choices } = await ask({ tools, tool_choice: "required", parallel_tool_calls: false });
    const { message, finish_reason } = choices[0]!;
    expect(finish_reason).toBe("tool_calls");
    const [call] = message.tool_calls!;
    if (call?.type !== "function") throw new Error("no call");
    if (call.function.name === "register") expectPerson(call.function.arguments);
    else expect(JSON.parse(call.function.arguments)).toEqual({ id: expect.any(Number) });
    expect(message.content).toBeNull();
  });

  it("to a named tool is made, streamed piece by piece", async () => {
    const stream = await deployment.client.chat.completions.create({
      model,
      messages: [{ role: "user", content: "hello" }],
      max_tokens: 400,
      seed: 5,
      tools,
      tool_choice: { type: "function", function: { name: "register" } },
      stream: true,
    });
    let text = "";
    let pieces = 0;
    let reason: string | null = null;
    for await (const { choices } of stream) {
      const part = choices[0]?.delta.tool_calls?.[0]?.function?.arguments;
      if (part) pieces += 1;
      text += part ?? "";
      reason = choices[0]?.finish_reason ?? reason;
    }
    expectPerson(text);
    expect(pieces).toBeGreaterThan(3);
    expect(reason).toBe("tool_calls");
  });
});
