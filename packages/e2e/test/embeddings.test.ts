// Embeddings and reranking as users meet them: `dyn launch agg-embed`, workers and frontends of their own, OpenAI's client.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import OpenAI from "openai";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Deployment, untilListed } from "../src/deployment.ts";
import { startLaunch } from "../src/start-program.ts";

const model = "dyn-tiny-embed";
const fixtures = join(import.meta.dirname, "../../engine-onnx/test/fixtures");

let program: Awaited<ReturnType<typeof startLaunch>>;
let client: OpenAI;
const deployment = new Deployment();

beforeAll(async () => {
  program = await startLaunch(["agg_embed"]);
  client = new OpenAI({ baseURL: `${program.ready}/v1`, apiKey: "none", maxRetries: 0 });
});
afterAll(async () => {
  await deployment.close();
  expect(await program.stop()).toBe(0);
});

test("the start-up report says what is served and how to ask for it", () => {
  for (const words of [model, "Qwen3Model", "vectors of 256 numbers", "/v1/embeddings"]) {
    expect(program.output()).toContain(words);
  }
});

test("a question is nearest to the sentence that answers it", async () => {
  const documents = [
    "Ada has a cat.",
    "The capital of France is Paris.",
    "After Monday comes Tuesday.",
  ];
  const questions = [
    "Which animal lives with Ada?",
    "Paris is the capital of which country?",
    "What follows Monday?",
  ];
  const list = await client.embeddings.create({ model, input: [...documents, ...questions] });
  expect(list.data.map(({ index }) => index)).toEqual([0, 1, 2, 3, 4, 5]);
  expect(list.usage.prompt_tokens).toBeGreaterThan(30);
  const vectors = list.data.map(({ embedding }) => embedding);
  const nearest = vectors.slice(3).map((asked) => {
    const scores = vectors.slice(0, 3).map((v) => v.reduce((sum, x, i) => sum + x * asked[i]!, 0));
    return scores.indexOf(Math.max(...scores));
  });
  expect(nearest).toEqual([0, 1, 2]);
});

test("ids, dimensions and both encodings agree", async () => {
  const [ids, short, base64] = await Promise.all([
    client.embeddings.create({ model, input: [[1, 2], [3]], encoding_format: "float" }),
    client.embeddings.create({ model, input: [1, 2], dimensions: 64, encoding_format: "float" }),
    client.post("/embeddings", { body: { model, input: [1, 2], encoding_format: "base64" } }),
  ]);
  const whole = ids.data[0]!.embedding;
  expect(whole).toHaveLength(256);
  const close = (actual: readonly number[], expected: readonly number[]) =>
    expect(Math.max(...expected.map((x, i) => Math.abs(x - actual[i]!)))).toBeLessThan(1e-5);
  close(short.data[0]!.embedding, whole.slice(0, 64));
  expect(short.data[0]!.embedding).toHaveLength(64);
  const text = (base64 as { data: { embedding: string }[] }).data[0]!.embedding;
  close([...new Float32Array(Uint8Array.from(Buffer.from(text, "base64")).buffer)], whole);
});

test.each([
  [{ input: "word ".repeat(3000) }, /input has \d+ tokens.*1024/],
  [{ input: ["a", "word ".repeat(3000)] }, /input\[1\] has \d+ tokens/],
  [{ input: "a", dimensions: 300 }, /256 numbers/],
])("the worker's refusals reach the client: %#", async (fields, message) => {
  const asked = client.embeddings.create({ model, ...fields });
  await expect(asked).rejects.toMatchObject({
    status: 400,
    message: expect.stringMatching(message),
  });
});

test("many requests at once are all answered, each with its own vectors", async () => {
  const alone = await client.embeddings.create({ model, input: "Ada has a cat." });
  const all = await Promise.all(
    Array.from({ length: 60 }, (_, i) =>
      client.embeddings.create({
        model,
        input: ["Ada has a cat.", `Text number ${i} `.repeat(1 + (i % 20))],
      }),
    ),
  );
  for (const { data } of all) {
    const error = Math.max(
      ...alone.data[0]!.embedding.map((x, i) => Math.abs(x - data[0]!.embedding[i]!)),
    );
    expect(error).toBeLessThan(1e-5);
  }
});

test("a chat is not for such a model", async () => {
  const asked = client.chat.completions.create({
    model,
    messages: [{ role: "user", content: "hi" }],
  });
  await expect(asked).rejects.toMatchObject({ status: 404 });
});

test("a rerank worker ranks behind a frontend, and its system server tells of it", async () => {
  const [frontend, worker] = await Promise.all([
    deployment.startFrontend(),
    deployment.startVectorWorker(
      [
        "--rerank-worker",
        "--model-path",
        join(fixtures, "rerank-qwen3"),
        "--served-model-name",
        "ranks",
      ],
      { DYN_SYSTEM_PORT: "0" },
    ),
  ]);
  await untilListed(frontend.ready, "ranks");
  expect(worker.output()).toContain("dyn://dynamo.rerank.generate");
  const recorded = JSON.parse(readFileSync(join(fixtures, "rerank-qwen3/scores.json"), "utf8"));
  const { query, documents, scores } = recorded.cases[1] as {
    query: string;
    documents: string[];
    scores: number[];
  };
  const answer = await fetch(`${frontend.ready}/v1/rerank`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: "ranks", query, documents }),
  });
  const list = (await answer.json()) as { index: number; score: number; document: string }[];
  expect(answer.status, JSON.stringify(list)).toBe(200);
  expect(list.map(({ index }) => index)).toEqual([0, 1, 2]);
  for (const { index, score, document } of list) {
    expect(document).toBe(documents[index]);
    expect(Math.abs(score - scores[index]!)).toBeLessThan(1e-4);
  }
  const health = await fetch(`${worker.systemUrl}/health`);
  expect(await health.json()).toMatchObject({ status: "ready", endpoints: { generate: "ready" } });
  const metrics = async () => (await fetch(`${worker.systemUrl}/metrics`)).text();
  await expect.poll(metrics).toContain('dynamo_embedding_batch_size_count{model="ranks"} 1');
  await expect.poll(metrics).toMatch(/sglang:prompt_tokens_total\{model_name="ranks"\} [1-9]/);
  expect(await worker.stop("SIGTERM")).toBe(0);
});

test.each([
  [["--model-path", "dyn-tiny-embed"], "--embedding-worker"],
  [
    ["--embedding-worker", "--model-path", "dyn-tiny-embed", "--kv-events-config", "{}"],
    "kv-events-config",
  ],
  [["--rerank-worker", "--model-path", "dyn-tiny-chat"], "Qwen3-Reranker"],
  [["--embedding-worker", "--model-path", "dyn-tiny-embed", "--engine", "mock"], "--engine mock"],
])("a worker that cannot be what it is told says why: %j", async (args, words) => {
  const started = deployment.startVectorWorker(args);
  await expect(started).rejects.toThrow(words);
});
