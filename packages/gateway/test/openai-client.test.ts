// What the official client sees of a whole deployment.
import type { ChatCompletionChunk } from "openai/resources/chat/completions";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Deployment, isIdle, model, startDeployment, until } from "./support/deployment.ts";

let deployment: Deployment;
beforeAll(async () => {
  deployment = await startDeployment();
});
afterAll(() => deployment.close());

const messages = [{ role: "user" as const, content: "What is the capital of the small world?" }];
const base = { model, messages, max_tokens: 24, seed: 7, ignore_eos: true };

/** Chunks of a stream put together again, by choice. */
function reassemble(chunks: readonly ChatCompletionChunk[]) {
  const choices = new Map<number, { content: string; finish: string | null; role: string }>();
  for (const { choices: parts } of chunks) {
    for (const { index, delta, finish_reason: finish } of parts) {
      const choice = choices.get(index) ?? { content: "", finish: null, role: "" };
      choice.content += delta.content ?? "";
      choice.role += delta.role ?? "";
      choice.finish ??= finish;
      choices.set(index, choice);
    }
  }
  return choices;
}

async function collect<Item>(stream: AsyncIterable<Item>): Promise<Item[]> {
  const items: Item[] = [];
  for await (const item of stream) items.push(item);
  return items;
}

describe("chat completions", () => {
  it("answers whole, with usage", async () => {
    const completion = await deployment.client.chat.completions.create(base);
    expect(completion.id).toMatch(/^chatcmpl-[0-9a-f-]{36}$/);
    expect(completion.object).toBe("chat.completion");
    expect(completion.choices).toHaveLength(1);
    expect(completion.choices[0]!.message.role).toBe("assistant");
    expect(completion.choices[0]!.finish_reason).toBe("length");
    expect(completion.usage!.completion_tokens).toBe(24);
    expect(completion.usage!.total_tokens).toBe(24 + completion.usage!.prompt_tokens);
  });

  it("streams the same text, with one role, one finish reason and the usage when asked", async () => {
    const whole = await deployment.client.chat.completions.create(base);
    const stream = await deployment.client.chat.completions.create({
      ...base,
      stream: true,
      stream_options: { include_usage: true },
    });
    const chunks = await collect(stream);
    const choice = reassemble(chunks).get(0)!;
    expect(choice).toEqual({
      content: whole.choices[0]!.message.content,
      finish: "length",
      role: "assistant",
    });
    expect(new Set(chunks.map(({ id }) => id)).size).toBe(1);
    expect(chunks.at(-1)!.choices).toEqual([]);
    expect(chunks.at(-1)!.usage).toMatchObject({
      completion_tokens: 24,
      prompt_tokens: whole.usage!.prompt_tokens,
    });
    expect(chunks.filter(({ usage }) => usage)).toHaveLength(1);
  });

  it("gives the same text for the same seed and another for another", async () => {
    const ask = async (seed: number) =>
      (await deployment.client.chat.completions.create({ ...base, seed })).choices[0]!.message
        .content;
    expect(await ask(11)).toBe(await ask(11));
    expect(await ask(11)).not.toBe(await ask(12));
    expect(await ask(2 ** 60)).toBe(await ask(2 ** 60));
  });

  it("gives three different choices for n = 3 and counts their tokens together", async () => {
    const whole = await deployment.client.chat.completions.create({ ...base, n: 3 });
    expect(whole.choices.map(({ index }) => index)).toEqual([0, 1, 2]);
    expect(new Set(whole.choices.map(({ message }) => message.content)).size).toBe(3);
    expect(whole.usage!.completion_tokens).toBe(72);
    const stream = await deployment.client.chat.completions.create({ ...base, n: 3, stream: true });
    const streamed = reassemble(await collect(stream));
    expect(whole.choices.map(({ index }) => streamed.get(index)!.content)).toEqual(
      whole.choices.map(({ message }) => message.content),
    );
  });

  it("stops before a stop string, and ends the request on the worker", async () => {
    const full = (await deployment.client.chat.completions.create(base)).choices[0]!.message
      .content!;
    const stop = full.slice(12, 15);
    const at = full.indexOf(stop);
    const stopped = await deployment.client.chat.completions.create({ ...base, stop });
    expect(stopped.choices[0]!.message.content).toBe(full.slice(0, at));
    expect(stopped.choices[0]!.finish_reason).toBe("stop");
    expect(stopped.choices[0]).toMatchObject({ stop_reason: stop });
    expect(stopped.usage!.completion_tokens).toBeLessThanOrEqual(24);
    const kept = await deployment.client.chat.completions.create({
      ...base,
      stop: ["never in it", stop],
      ...{ include_stop_str_in_output: true },
    });
    expect(kept.choices[0]!.message.content).toBe(full.slice(0, at) + stop);
    await until(() => isIdle(deployment.engine), "an idle engine");
  });

  it("gives log-probabilities whose tokens spell the content", async () => {
    const { choices } = await deployment.client.chat.completions.create({
      ...base,
      logprobs: true,
      top_logprobs: 3,
    });
    const { content } = choices[0]!.logprobs!;
    expect(content).toHaveLength(24);
    const bytes = content!.flatMap((token) => token.bytes!);
    expect(Buffer.from(bytes).toString("utf8")).toBe(choices[0]!.message.content);
    for (const token of content!) {
      expect(token.logprob).toBeLessThanOrEqual(0);
      expect(token.top_logprobs).toHaveLength(3);
      const [first, second, third] = token.top_logprobs;
      expect(first!.logprob).toBeGreaterThanOrEqual(second!.logprob);
      expect(second!.logprob).toBeGreaterThanOrEqual(third!.logprob);
    }
  });

  it("puts listed tools into the prompt, and leaves them out for tool_choice none", async () => {
    const tools = [
      {
        type: "function" as const,
        function: { name: "look_up", parameters: { type: "object", properties: {} } },
      },
    ];
    const promptTokens = async (extra: object) =>
      (await deployment.client.chat.completions.create({ ...base, ...extra })).usage!.prompt_tokens;
    const without = await promptTokens({});
    expect(await promptTokens({ tools })).toBeGreaterThan(without + 20);
    expect(await promptTokens({ tools, tool_choice: "auto" })).toBeGreaterThan(without + 20);
    expect(await promptTokens({ tools, tool_choice: "none" })).toBe(without);
  });

  it("hands template variables on", async () => {
    const promptTokens = async (extra: object) =>
      (await deployment.client.chat.completions.create({ ...base, ...extra })).usage!.prompt_tokens;
    const on = await promptTokens({ chat_template_kwargs: { enable_thinking: true } });
    const off = await promptTokens({ chat_template_kwargs: { enable_thinking: false } });
    // The bundled template closes an empty thought when thinking is off.
    expect(off).toBeGreaterThan(on);
    expect(await promptTokens({ reasoning_effort: "none" })).toBe(off);
    expect(await promptTokens({ thinking: { type: "disabled" } })).toBe(off);
    expect(await promptTokens({ reasoning_effort: "high" })).toBe(on);
    const both = { reasoning_effort: "high", chat_template_args: { enable_thinking: false } };
    expect(await promptTokens(both)).toBe(off);
  });

  it("says how many prompt tokens came from the cache", async () => {
    const long = [{ role: "user" as const, content: "word ".repeat(200) }];
    const ask = () => deployment.client.chat.completions.create({ ...base, messages: long });
    await ask();
    const { usage } = await ask();
    expect(usage!.prompt_tokens_details!.cached_tokens).toBeGreaterThan(100);
  });

  it("names a model that does not exist", async () => {
    const asked = deployment.client.chat.completions.create({ ...base, model: "gpt-none" });
    await expect(asked).rejects.toMatchObject({ status: 404, code: "model_not_found" });
  });
});

describe("text completions", () => {
  const text = { model, prompt: "Once upon a time", max_tokens: 8, seed: 3, ignore_eos: true };

  it("produces 16 tokens by default, whole and streamed alike", async () => {
    const { max_tokens: _, ...rest } = text;
    const whole = await deployment.client.completions.create(rest);
    expect(whole.usage!.completion_tokens).toBe(16);
    const chunks = await collect(
      await deployment.client.completions.create({ ...rest, stream: true }),
    );
    expect(chunks.map(({ choices }) => choices[0]!.text).join("")).toBe(whole.choices[0]!.text);
    expect(chunks.at(-1)!.choices[0]!.finish_reason).toBe("length");
  });

  it("takes several prompts, as text or ids, and numbers choices by prompt and n", async () => {
    const both = await deployment.client.completions.create({
      ...text,
      prompt: ["one", "two"],
      n: 2,
    });
    expect(both.choices.map(({ index }) => index)).toEqual([0, 1, 2, 3]);
    expect(both.usage!.completion_tokens).toBe(32);
    const ids = await deployment.client.completions.create({
      ...text,
      prompt: [
        [5, 6],
        [7, 8, 9],
      ],
    });
    expect(ids.usage!.prompt_tokens).toBe(5);
    const alone = await deployment.client.completions.create({ ...text, prompt: [7, 8, 9] });
    expect(alone.choices[0]!.text).toBe(ids.choices[1]!.text);
  });

  it("echoes the prompt, with offsets that cut the text into its tokens", async () => {
    const echoed = await deployment.client.completions.create({ ...text, echo: true, logprobs: 2 });
    const [choice] = echoed.choices;
    expect(choice!.text.startsWith(text.prompt)).toBe(true);
    const { tokens, text_offset: offsets, token_logprobs: scores } = choice!.logprobs!;
    expect(tokens).toHaveLength(echoed.usage!.total_tokens);
    expect(scores![0]).toBeNull();
    expect(scores!.slice(1).every((score) => typeof score === "number" && score <= 0)).toBe(true);
    const points = Array.from(choice!.text);
    const promptTokens = echoed.usage!.prompt_tokens;
    for (let i = 0; i < promptTokens; i++) {
      expect(points.slice(offsets![i], offsets![i + 1]).join("")).toBe(tokens![i]);
    }
    expect(offsets![promptTokens]).toBe(text.prompt.length);
    const plain = await deployment.client.completions.create({ ...text, echo: true });
    expect(plain.choices[0]!.text).toBe(choice!.text);
  });
});

describe("models", () => {
  it("lists what is served, and finds a name with a slash", async () => {
    const [first] = (await deployment.client.models.list()).data;
    expect(first).toMatchObject({ id: model, object: "model", context_window: 4096 });
    const again = await fetch(`${deployment.url}/v1/models/${encodeURIComponent(model)}`);
    expect(await again.json()).toEqual(first);
    const plain = await fetch(`${deployment.url}/v1/models/${model}`);
    expect(await plain.json()).toEqual(first);
    expect((await fetch(`${deployment.url}/v1/models/none`)).status).toBe(404);
  });
});
