// The embedding handler over a real engine and the bundled model. Oracle: the recorded bodies and answers of Dynamo 1.6.1, and the engine itself.
import type { EmbeddingEngine } from "@dyn/engine";
import { createOnnxEmbeddingEngine } from "@dyn/engine-onnx";
import { createEmbeddingHandler, embeddingHealthPayload, isRealAnswer } from "@dyn/handlers";
import type { EmbeddingList } from "@dyn/protocol";
import { RequestContext, type RequestHandler } from "@dyn/runtime";
import { modelPath } from "@dyn/tiny-models";
import { createTokenizerPool, loadTokenizer, type TokenizerPool } from "@dyn/tokenizer";
import { afterAll, beforeAll, expect, test } from "vitest";

const directory = modelPath("dyn-tiny-embed");
let engine: EmbeddingEngine;
let tokenizer: TokenizerPool;
let handler: RequestHandler<unknown, EmbeddingList>;
const seen: unknown[] = [];

beforeAll(async () => {
  tokenizer = createTokenizerPool({ directory });
  engine = await createOnnxEmbeddingEngine({ modelDirectory: directory, threadCount: 1 });
  const onAnswer = (sizes: unknown) => seen.push(sizes);
  handler = createEmbeddingHandler({ engine, tokenizer, model: "served", onAnswer });
});
afterAll(async () => {
  await engine.close();
  await tokenizer.close();
});

async function ask(body: unknown, context = new RequestContext()): Promise<EmbeddingList> {
  const items: EmbeddingList[] = [];
  for await (const { data } of handler(body, context)) if (data) items.push(data);
  expect(items).toHaveLength(1);
  return items[0]!;
}

const numbers = (embedding: string | readonly number[]) =>
  Array.from(new Float32Array(Uint8Array.from(Buffer.from(embedding as string, "base64")).buffer));

test("the probe of Dynamo's embedding worker is answered by a vector of unit length", async () => {
  expect(embeddingHealthPayload("tiny")).toEqual({ model: "tiny", input: [1] });
  const answer = await ask(embeddingHealthPayload("tiny"));
  expect(isRealAnswer(answer)).toBe(true);
  const { object, data, model, usage } = answer;
  expect({ object, model, usage }).toEqual({
    object: "list",
    model: "served",
    usage: { prompt_tokens: 1, total_tokens: 1 },
  });
  const vector = numbers(data[0]!.embedding);
  expect(vector).toHaveLength(256);
  expect(Math.hypot(...vector)).toBeCloseTo(1, 5);
});

test("text is what its ids are, with the token that the model reads its vector from", async () => {
  const text = "What pet does Ada have?";
  const ids = (await loadTokenizer(directory)).encode(text, { addSpecialTokens: true });
  const answers = [
    await ask({ model: "m", input: text }),
    await ask({ model: "m", input: [...ids] }),
    await ask({ model: "m", input: ["Ada has a cat.", text], encoding_format: "base64" }),
    await ask({ model: "m", input: [[...ids], [5]], encoding_format: "float" }),
  ];
  const [first, second, third, fourth] = answers.map(({ data }) => data);
  expect(first).toEqual([{ object: "embedding", index: 0, embedding: second![0]!.embedding }]);
  const vector = numbers(first![0]!.embedding);
  for (const other of [third![1]!, fourth![0]!]) {
    const distance = Math.hypot(...numbers(other.embedding).map((x, i) => x - vector[i]!));
    expect(distance).toBeLessThan(1e-5);
  }
  expect(answers[2]!.data.map(({ index }) => index)).toEqual([0, 1]);
  expect(seen.at(-1)).toEqual({ inputs: 2, tokens: ids.length + 1 });
});

test("dimensions cuts the vector and does not scale it", async () => {
  const request = { model: "m", input: "Paris" };
  const whole = numbers((await ask(request)).data[0]!.embedding);
  const cut = numbers((await ask({ ...request, dimensions: 32 })).data[0]!.embedding);
  expect(cut).toEqual(whole.slice(0, 32));
});

test.each([
  [{ model: "m", input: "a", dimensions: 257 }, "dimensions", "256 numbers"],
  [{ model: "m", input: "a", dimensions: 0 }, "dimensions", "whole number"],
  [{ model: "m", input: [] }, "input", "input"],
  [{ model: "m", input: ["a", ""] }, "input", "input"],
  [{ model: "m" }, "input", "input"],
  [{ model: "m", input: [1, 5000] }, "input", "input[1] is 5000"],
  [{ model: "m", input: [[1], [5000]] }, "input[1]", "vocabulary ends at 2047"],
  [{ model: "m", input: "many words ".repeat(1000) }, "input", "context length is 1024"],
  [{ model: "m", input: ["a", "b ".repeat(2000)] }, "input[1]", "context length is 1024"],
])("%j is refused", async (body, param, message) => {
  const short = JSON.stringify(body).length < 200;
  await expect(ask(body), short ? JSON.stringify(body) : param).rejects.toMatchObject({
    status: 400,
    param,
    message: expect.stringContaining(message),
  });
});

test("a request that its caller gives up leaves nothing in the engine", async () => {
  const context = new RequestContext();
  const asked = ask(
    { model: "m", input: Array.from({ length: 500 }, () => "b ".repeat(900)) },
    context,
  );
  const refused = expect(asked).rejects.toMatchObject({ code: "DYN_REQUEST_CANCELLED" });
  await new Promise((resolve) => setImmediate(resolve));
  context.kill();
  await refused;
  expect(engine.metrics()).toMatchObject({ waitingPrompts: 0, waitingTokens: 0 });
});

test("a worker that shuts down sends its requests elsewhere", async () => {
  const shutdown = new AbortController();
  const closing = createEmbeddingHandler({
    engine,
    tokenizer,
    model: "m",
    shutdown: shutdown.signal,
  });
  const run = async () => {
    for await (const _ of closing({ model: "m", input: "a" }, new RequestContext()));
  };
  await run();
  shutdown.abort();
  await expect(run()).rejects.toMatchObject({ code: "DYN_ENGINE_SHUTDOWN", status: 503 });
});
