// Vercel's ai-sdk over its openai-compatible provider: every call and option that reaches an OpenAI-like server.
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { APICallError, generateText, Output, stepCountIs, streamText, tool } from "ai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { type Deployment, isIdle, model, startDeployment, until } from "./support/deployment.ts";
import { type ScriptedChat, startScriptedChat } from "./support/scripted-chat.ts";

const call = '<tool_call>\n{"name": "weather", "arguments": {"place": "Rome"}}\n</tool_call>';
let deployment: Deployment;
let scripted: ScriptedChat;
const provider = () =>
  createOpenAICompatible({
    name: "dyn",
    baseURL: `${deployment.url}/v1`,
    apiKey: "none",
    includeUsage: true,
    supportsStructuredOutputs: true,
  });

beforeAll(async () => {
  deployment = await startDeployment();
  scripted = await startScriptedChat(deployment, {
    toolCallParser: "hermes",
    reasoningParser: "qwen3",
  });
});
afterAll(() => deployment.close());

const base = { prompt: "hello", seed: 7, maxOutputTokens: 12, maxRetries: 0 };

describe("chat models", () => {
  it("stream what they answer whole, with the same end and usage", async () => {
    const options = {
      ...base,
      model: provider()(model),
      system: "Be brief.",
      temperature: 0.8,
      topP: 0.9,
      presencePenalty: 0.1,
      frequencyPenalty: 0.1,
      stopSequences: ["never there"],
    };
    const whole = await generateText(options);
    const stream = streamText(options);
    expect(await stream.text).toBe(whole.text);
    expect(await stream.finishReason).toBe(whole.finishReason);
    const { inputTokens, outputTokens, totalTokens } = await stream.usage;
    expect({ inputTokens, outputTokens, totalTokens }).toEqual({
      inputTokens: whole.usage.inputTokens,
      outputTokens: whole.usage.outputTokens,
      totalTokens: whole.usage.totalTokens,
    });
    expect(whole.response.modelId).toBe(model);
    expect(whole.response.id).toMatch(/^chatcmpl-/);
  });

  it("take the fields that are dyn's own by providerOptions", async () => {
    const { usage, finishReason } = await generateText({
      ...base,
      model: provider()(model),
      providerOptions: { dyn: { ignore_eos: true, top_k: 5, min_p: 0.1 } },
    });
    expect([usage.outputTokens, finishReason]).toEqual([12, "length"]);
  });

  it("think, call a tool, read its result and answer", async () => {
    for (const isStream of [false, true]) {
      scripted.say(`<think>\nI must ask.\n</think>\n\n${call}`, "It is warm.");
      const options = {
        model: provider()(scripted.model),
        prompt: "How is it in Rome?",
        maxRetries: 0,
        stopWhen: stepCountIs(3),
        tools: {
          weather: tool({
            description: "Tells the weather.",
            inputSchema: z.object({ place: z.string() }),
            execute: async ({ place }) => `${place}: 25 degrees`,
          }),
        },
        providerOptions: { dyn: { skip_special_tokens: false } },
      };
      const result = isStream ? streamText(options) : await generateText(options);
      const steps = await result.steps;
      expect(steps).toHaveLength(2);
      expect(steps[0]!.reasoningText).toContain("I must ask.");
      expect(steps[0]!.finishReason).toBe("tool-calls");
      expect(steps[0]!.toolResults[0]).toMatchObject({
        input: { place: "Rome" },
        output: "Rome: 25 degrees",
      });
      expect(await result.text).toBe("It is warm.");
    }
  });

  it("answer in the form of a schema, whole and piece by piece", async () => {
    const schema = z.object({ answer: z.enum(["yes", "no"]), sure: z.boolean() });
    const options = {
      ...base,
      model: provider()(model),
      prompt: "Is it warm in Rome?",
      maxOutputTokens: 60,
      output: Output.object({ schema }),
    };
    const { output } = await generateText(options);
    expect(schema.parse(output)).toEqual(output);
    const streamed = streamText(options);
    const partials: unknown[] = [];
    for await (const partial of streamed.partialOutputStream) partials.push(partial);
    expect(partials.at(-1)).toEqual(output);
    expect(JSON.parse(await streamed.text)).toEqual(output);
  });

  it("end on the worker when they are aborted", async () => {
    const abort = new AbortController();
    const stream = streamText({
      ...base,
      model: provider()(model),
      maxOutputTokens: 3000,
      providerOptions: { dyn: { ignore_eos: true } },
      abortSignal: abort.signal,
      onError: () => {},
    });
    for await (const part of stream.fullStream) if (part.type === "text-delta") abort.abort();
    await until(() => isIdle(deployment.engine), "an idle engine");
  });

  it("show the server's sentence when it refuses", async () => {
    const answer = generateText({ ...base, model: provider()("nobody") });
    const error = await answer.then(null, (reason: unknown) => reason);
    expect(APICallError.isInstance(error) && [error.statusCode, error.message]).toEqual([
      404,
      expect.stringContaining("nobody"),
    ]);
  });
});

it("completion models stream what they answer whole", async () => {
  const options = { ...base, model: provider().completionModel(model) };
  const whole = await generateText(options);
  expect(whole.text).not.toBe("");
  expect(await streamText(options).text).toBe(whole.text);
});
