// What the official client builds upon plain requests: stream helpers, tool runners, parsed answers, raw responses.
import OpenAI from "openai";
import { zodFunction } from "openai/helpers/zod";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { type Deployment, isIdle, model, startDeployment, until } from "./support/deployment.ts";
import { type ScriptedChat, startScriptedChat } from "./support/scripted-chat.ts";

const call = '<tool_call>\n{"name": "weather", "arguments": {"place": "Rome"}}\n</tool_call>';
const tail = { skip_special_tokens: false } as object;
let deployment: Deployment;
let scripted: ScriptedChat;

beforeAll(async () => {
  deployment = await startDeployment();
  scripted = await startScriptedChat(deployment, {
    toolCallParser: "hermes",
    reasoningParser: "qwen3",
  });
});
afterAll(() => deployment.close());

const messages = [{ role: "user" as const, content: "How is it in Rome?" }];
const base = { model, messages, max_tokens: 16, seed: 7, ...({ ignore_eos: true } as object) };
const weather = {
  name: "weather",
  description: "Tells the weather.",
  parameters: z.object({ place: z.string() }),
};

describe("the stream helper", () => {
  it("puts together what is answered whole: text, log-probabilities, choices, usage", async () => {
    const options = {
      ...base,
      n: 2,
      logprobs: true,
      top_logprobs: 2,
      stream_options: { include_usage: true },
    };
    const { stream_options: _, ...unary } = options;
    const whole = await deployment.client.chat.completions.create(unary);
    const stream = deployment.client.chat.completions.stream(options);
    const final = await stream.finalChatCompletion();
    expect(final.choices.map(({ message }) => message.content)).toEqual(
      whole.choices.map(({ message }) => message.content),
    );
    expect(final.choices.map(({ logprobs }) => logprobs!.content)).toEqual(
      whole.choices.map(({ logprobs }) => logprobs!.content),
    );
    expect(final.usage!.completion_tokens).toBe(whole.usage!.completion_tokens);
  });

  it("tells of content and of calls as they come", async () => {
    scripted.say(`Let me see. ${call}`);
    const stream = deployment.client.chat.completions.stream({
      model: scripted.model,
      messages,
      tools: [zodFunction(weather)],
      ...tail,
    });
    const heard = new Set<string>();
    stream.on("content.delta", () => heard.add("content"));
    stream.on("tool_calls.function.arguments.delta", () => heard.add("arguments"));
    stream.on("tool_calls.function.arguments.done", ({ parsed_arguments }) => {
      expect(parsed_arguments).toEqual({ place: "Rome" });
      heard.add("done");
    });
    expect((await stream.finalMessage()).content).toContain("Let me see.");
    expect([...heard].sort()).toEqual(["arguments", "content", "done"]);
  });

  it("aborts, and the worker is free", async () => {
    const stream = deployment.client.chat.completions.stream({ ...base, max_tokens: 3000 });
    stream.once("content", () => stream.abort());
    await expect(stream.done()).rejects.toThrow(OpenAI.APIUserAbortError);
    await until(() => isIdle(deployment.engine), "an idle engine");
  });

  it("can be handed on as a stream of the web and read again", async () => {
    const stream = await deployment.client.chat.completions.create({ ...base, stream: true });
    const [left, right] = stream.tee();
    const texts: string[] = [];
    for (const side of [left, right]) {
      let text = "";
      for await (const { choices } of side) text += choices[0]?.delta.content ?? "";
      texts.push(text);
    }
    expect(texts[0]).not.toBe("");
    expect(texts[1]).toBe(texts[0]);
  });
});

it("the tool runner calls tools until there is an answer, whole and streamed", async () => {
  for (const stream of [false, true] as const) {
    scripted.say(`<think>\nI must ask.\n</think>\n\n${call}`, "It is warm.");
    const places: string[] = [];
    const params = {
      model: scripted.model,
      messages: [...messages],
      tools: [
        zodFunction({
          ...weather,
          function: ({ place }) => {
            places.push(place);
            return "25 degrees";
          },
        }),
      ],
      ...tail,
    };
    const runner = stream
      ? deployment.client.chat.completions.runTools({ ...params, stream: true })
      : deployment.client.chat.completions.runTools(params);
    expect(await runner.finalContent()).toBe("It is warm.");
    expect(places).toEqual(["Rome"]);
    expect(await runner.finalFunctionToolCallResult()).toBe("25 degrees");
  }
});

it("parse() gives the arguments of calls as the tool's type", async () => {
  scripted.say(call);
  const { choices } = await deployment.client.chat.completions.parse({
    model: scripted.model,
    messages,
    tools: [zodFunction(weather)],
    ...tail,
  });
  const [first] = choices[0]!.message.tool_calls!;
  expect(first!.function.parsed_arguments).toEqual({ place: "Rome" });
});

describe("the plain client", () => {
  it("shows the response beside the data, and the response alone", async () => {
    const { data, response, request_id } = await deployment.client.chat.completions
      .create(base, { headers: { "x-request-id": "abc" } })
      .withResponse();
    expect(data.object).toBe("chat.completion");
    expect(response.headers.get("content-type")).toContain("application/json");
    expect(request_id).toBe("abc");
    const raw = await deployment.client.chat.completions
      .create({ ...base, stream: true })
      .asResponse();
    expect(raw.headers.get("content-type")).toContain("text/event-stream");
    await raw.body?.cancel();
    await until(() => isIdle(deployment.engine), "an idle engine");
  });

  it("gives up at its own deadline, and the worker is free", async () => {
    const asked = deployment.client.chat.completions.create(
      { ...base, model, max_tokens: 3900, n: 32 },
      { timeout: 5 },
    );
    await expect(asked).rejects.toThrow(OpenAI.APIConnectionTimeoutError);
    await until(() => isIdle(deployment.engine), "an idle engine");
  });

  it.each([
    [{ temperature: 9 }, "temperature"],
    [{ top_logprobs: 3 }, "top_logprobs"],
    [{ max_tokens: 0 }, "max_tokens"],
    [{ n: 0 }, "n"],
    [{ stop: [] }, "stop"],
    [{ logit_bias: { "1": 101 } }, "logit_bias"],
  ])("names the field of %j", async (fields, param) => {
    const asked = deployment.client.chat.completions.create({ ...base, ...fields } as typeof base);
    const error = await asked.then(null, (reason: unknown) => reason);
    if (!(error instanceof OpenAI.BadRequestError)) throw error;
    expect(error.param).toContain(param);
    expect(error.type).toBe("invalid_request_error");
  });
});
