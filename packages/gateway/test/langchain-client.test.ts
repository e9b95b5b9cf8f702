// LangChain JS: its chat and text models, tools, batches, streams and usage.
import type { AIMessageChunk } from "@langchain/core/messages";
import { HumanMessage, SystemMessage, type ToolMessage } from "@langchain/core/messages";
import { tool } from "@langchain/core/tools";
import { ChatOpenAI, type ChatOpenAIFields, OpenAI } from "@langchain/openai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { type Deployment, isIdle, model, startDeployment, until } from "./support/deployment.ts";
import { type ScriptedChat, startScriptedChat } from "./support/scripted-chat.ts";

const call = '<tool_call>\n{"name": "weather", "arguments": {"place": "Rome"}}\n</tool_call>';
let deployment: Deployment;
let scripted: ScriptedChat;

beforeAll(async () => {
  deployment = await startDeployment();
  scripted = await startScriptedChat(deployment, { toolCallParser: "hermes" });
});
afterAll(() => deployment.close());

function chat(fields: Fields = {}) {
  return new ChatOpenAI({
    model,
    apiKey: "none",
    maxRetries: 0,
    maxTokens: 12,
    temperature: 0.8,
    topP: 0.9,
    frequencyPenalty: 0.1,
    presencePenalty: 0.1,
    logprobs: true,
    topLogprobs: 2,
    stop: ["never there"],
    modelKwargs: { seed: 7, ignore_eos: true, top_k: 50 },
    configuration: { baseURL: `${deployment.url}/v1` },
    ...fields,
  } as ChatOpenAIFields);
}

/** `undefined`: the option is left out. */
type Fields = { [Key in keyof ChatOpenAIFields]?: ChatOpenAIFields[Key] | undefined };

const messages = [new SystemMessage("Be brief."), new HumanMessage("hello")];

async function joined(stream: AsyncIterable<AIMessageChunk>): Promise<AIMessageChunk> {
  let whole: AIMessageChunk | undefined;
  for await (const chunk of stream) whole = whole?.concat(chunk) ?? chunk;
  return whole!;
}

describe("ChatOpenAI", () => {
  it("streams what it invokes, with usage and log-probabilities", async () => {
    const whole = await chat().invoke(messages);
    const streamed = await joined(await chat().stream(messages));
    expect(whole.content).not.toBe("");
    expect(streamed.content).toBe(whole.content);
    expect(streamed.usage_metadata).toMatchObject({ output_tokens: 12 });
    const { input_tokens, total_tokens } = streamed.usage_metadata!;
    expect(whole.usage_metadata).toMatchObject({ input_tokens, output_tokens: 12, total_tokens });
    expect(whole.response_metadata.finish_reason).toBe("length");
    const logprobs = whole.response_metadata.logprobs as { readonly content: readonly unknown[] };
    expect(logprobs.content).toHaveLength(12);
  });

  it("asks a batch side by side and gets each its own", async () => {
    const answers = await chat().batch(["one", "two", "three"]);
    const alone = await Promise.all(["one", "two", "three"].map((text) => chat().invoke(text)));
    expect(answers.map(({ content }) => content)).toEqual(alone.map(({ content }) => content));
  });

  it("generates n choices", async () => {
    const { generations } = await chat({ n: 3 }).generate([messages]);
    expect(new Set(generations[0]!.map(({ text }) => text)).size).toBe(3);
  });

  it("calls a bound tool and goes on with its result, whole and streamed", async () => {
    const weather = tool(async ({ place }) => `${place}: 25 degrees`, {
      name: "weather",
      description: "Tells the weather.",
      schema: z.object({ place: z.string() }),
    });
    const bound = chat({
      model: scripted.model,
      logprobs: false,
      topLogprobs: undefined,
      modelKwargs: { skip_special_tokens: false },
    }).bindTools([weather]);
    const question = new HumanMessage("How is it in Rome?");
    for (const isStream of [false, true]) {
      scripted.say(call, "It is warm.");
      const asked = isStream
        ? await joined(await bound.stream([question]))
        : await bound.invoke([question]);
      expect(asked.tool_calls).toMatchObject([{ name: "weather", args: { place: "Rome" } }]);
      const result: ToolMessage = await weather.invoke(asked.tool_calls![0]!);
      expect(result.content).toBe("Rome: 25 degrees");
      expect((await bound.invoke([question, asked, result])).content).toBe("It is warm.");
    }
  });

  it("answers in the form of a schema, by response_format and by a forced call", async () => {
    const schema = z.object({ answer: z.enum(["yes", "no"]), sure: z.boolean() });
    for (const method of ["jsonSchema", "functionCalling"] as const) {
      const client = chat({ maxTokens: 80, logprobs: false, topLogprobs: undefined });
      const answer = await client.withStructuredOutput(schema, { method }).invoke(messages);
      expect(schema.parse(answer)).toEqual(answer);
    }
  });

  it("ends the request on the worker when it is aborted", async () => {
    const abort = new AbortController();
    const stream = await chat({ maxTokens: 3000 }).stream(messages, { signal: abort.signal });
    const read = async () => {
      for await (const _ of stream) abort.abort();
    };
    await expect(read()).rejects.toThrow(/abort/i);
    await until(() => isIdle(deployment.engine), "an idle engine");
  });

  it("goes by the Responses API as well", async () => {
    const fields = { useResponsesApi: true, modelKwargs: {}, logprobs: false, stop: undefined };
    const quiet = {
      frequencyPenalty: undefined,
      presencePenalty: undefined,
      topLogprobs: undefined,
    };
    const client = chat({ ...fields, ...quiet, temperature: 0 });
    const whole = await client.invoke(messages);
    const streamed = await joined(await client.stream(messages));
    expect(whole.text).not.toBe("");
    expect(streamed.text).toBe(whole.text);
  });
});

it("OpenAI, the text model, streams what it invokes", async () => {
  const client = new OpenAI({
    model,
    apiKey: "none",
    maxRetries: 0,
    maxTokens: 12,
    modelKwargs: { seed: 7, ignore_eos: true },
    configuration: { baseURL: `${deployment.url}/v1` },
  });
  const whole = await client.invoke("Once upon a time");
  let streamed = "";
  for await (const piece of await client.stream("Once upon a time")) streamed += piece;
  expect(whole).not.toBe("");
  expect(streamed).toBe(whole);
});
