// Reasoning that is too long is ended by the engine, and the answer goes on behind it: through the HTTP door.
import Anthropic from "@anthropic-ai/sdk";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Deployment, model, startDeployment } from "./support/deployment.ts";

/** The mock engine says random tokens: it never closes its reasoning by itself. */
const card = { runtimeConfig: { reasoningParser: "qwen3", boundsThinking: true } };
const chatTemplate = "{{ messages[-1].content }}<think>\n";

let deployment: Deployment;
beforeAll(async () => {
  deployment = await startDeployment({
    card,
    gateway: { chatTemplate },
    settings: { anthropicApi: true },
  });
});
afterAll(() => deployment.close());

const chat = {
  model,
  messages: [{ role: "user" as const, content: "Think." }],
  max_tokens: 40,
  seed: 3,
  ignore_eos: true,
};
type Message = { readonly content: string | null; readonly reasoning_content?: string };

async function ask(body: object) {
  const answer = await deployment.client.chat.completions.create({ ...chat, ...body });
  return {
    choices: answer.choices.map(({ message }) => message as unknown as Message),
    reasoningTokens: answer.usage!.completion_tokens_details!.reasoning_tokens,
    answerTokens: answer.usage!.completion_tokens,
  };
}

test("without a budget all of it is reasoning, with one the rest is an answer", async () => {
  const free = await ask({});
  expect(free.choices[0]!.content).toBeNull();
  for (const budget of [0, 1, 7]) {
    const bound = await ask({ thinking_token_budget: budget });
    expect(bound.choices[0]!.content).not.toBeNull();
    // The marker itself counts with the reasoning.
    expect(bound.reasoningTokens).toBe(budget + 1);
    expect(bound.answerTokens).toBe(40);
  }
  const atTheEnd = await ask({ thinking_token_budget: 40 });
  expect(atTheEnd).toEqual(free);
});

test("nvext says the same, and every choice has a budget of its own", async () => {
  const { choices, reasoningTokens } = await ask({ n: 3, nvext: { max_thinking_tokens: 5 } });
  expect(reasoningTokens).toBe(3 * 6);
  for (const { content } of choices) expect(content).not.toBeNull();
});

test("a stream says what the whole answer says", async () => {
  const body = { ...chat, thinking_token_budget: 7 };
  const whole = await ask(body);
  const stream = await deployment.client.chat.completions.create({ ...body, stream: true });
  let [content, reasoning] = ["", ""];
  for await (const { choices } of stream) {
    const delta = choices[0]!.delta as Partial<Message>;
    content += delta.content ?? "";
    reasoning += delta.reasoning_content ?? "";
  }
  expect({ content, reasoning_content: reasoning }).toMatchObject({
    content: whole.choices[0]!.content,
    reasoning_content: whole.choices[0]!.reasoning_content,
  });
});

test("Anthropic's budget_tokens bounds thinking, and is no error where workers cannot", async () => {
  const message = {
    model,
    max_tokens: 24,
    // The same tokens each time, and so no end among them by chance.
    temperature: 0,
    thinking: { type: "enabled" as const, budget_tokens: 8 },
    messages: [{ role: "user" as const, content: "Think." }],
  };
  const blocks = async ({ url }: Deployment) => {
    const client = new Anthropic({ baseURL: url, apiKey: "none", maxRetries: 0 });
    const answer = await client.messages.create(message);
    return answer.content.map(({ type }) => type);
  };
  expect(await blocks(deployment)).toEqual(["thinking", "text"]);
  const other = await startDeployment({
    card: { runtimeConfig: { reasoningParser: "qwen3" } },
    gateway: { chatTemplate },
    settings: { anthropicApi: true },
  });
  expect(await blocks(other)).toEqual(["thinking"]);
  await other.close();
});

test.each([[-1], [2 ** 32], [1.5], ["5"]])(
  "a budget of %s is refused with its range",
  async (budget) => {
    await expect(ask({ thinking_token_budget: budget })).rejects.toMatchObject({
      status: 400,
      param: "thinking_token_budget",
      message: expect.stringContaining("between 0 and 4294967295"),
    });
  },
);
