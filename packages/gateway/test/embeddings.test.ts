// /v1/embeddings as OpenAI's client sees it, over workers that take tokens and workers that take text.
import { modelPath } from "@dyn/tiny-models";
import { loadTokenizer, type Tokenizer } from "@dyn/tokenizer";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Deployment, model, startDeployment } from "./support/deployment.ts";
import { startEmbeddingWorker } from "./support/embedding-worker.ts";
import { postJson } from "./support/post-json.ts";

/** 0.1 and 0.2 as Dynamo 1.6.1 sends them. */
const recorded = "zczMPc3MTD4=";
const numbers = [Math.fround(0.1), Math.fround(0.2)];

let deployment: Deployment;
let tokenizer: Tokenizer;
/** What the workers were asked last. */
let asked: Record<string, unknown>;
let answerOf: ((body: Record<string, unknown>) => unknown) | null = null;
const workers: { close(): Promise<void> }[] = [];

function answerTokens(body: Record<string, unknown>): unknown {
  asked = body;
  if (answerOf !== null) return answerOf(body);
  const lists = body.token_ids as number[][];
  const count = lists.flat().length;
  return { embeddings: lists.map(() => recorded), prompt_tokens: count, total_tokens: count };
}

function answerText(body: Record<string, unknown>): unknown {
  asked = body;
  if (answerOf !== null) return answerOf(body);
  return textAnswer(recorded);
}

const textAnswer = (embedding: unknown) => ({
  object: "list",
  data: [{ object: "embedding", embedding, index: 0 }],
  model: "of-text",
  usage: { prompt_tokens: 3, total_tokens: 3 },
});

beforeAll(async () => {
  deployment = await startDeployment();
  tokenizer = await loadTokenizer(modelPath("dyn-tiny-chat"));
  const { hub, gateway } = deployment;
  workers.push(await startEmbeddingWorker(hub, "of-tokens", answerTokens));
  workers.push(
    await startEmbeddingWorker(hub, "of-text", answerText, {
      modelInput: "text",
      modelTypes: ["embedding", "chat", "completions"],
      // Nothing of it is read here.
      sourcePath: "/nowhere/of-text",
    }),
  );
  for (const name of ["of-tokens", "of-text"]) {
    await gateway.waitForModel(name, { signal: AbortSignal.timeout(30_000) });
  }
});
afterAll(async () => {
  for (const worker of workers) await worker.close();
  await deployment.close();
});

const post = (body: object, path = "/v1/embeddings") => postJson(deployment.url + path, body);

async function withAnswer<Result>(
  answer: (body: Record<string, unknown>) => unknown,
  task: () => Promise<Result>,
): Promise<Result> {
  answerOf = answer;
  try {
    return await task();
  } finally {
    answerOf = null;
  }
}

const encode = (text: string) => Array.from(tokenizer.encode(text, { addSpecialTokens: true }));

describe("a model whose workers take tokens", () => {
  it.each([
    ["a text", "hello there", () => [encode("hello there")]],
    ["texts", ["hello", "good day"], () => [encode("hello"), encode("good day")]],
    ["ids", [5, 6, 7], () => [[5, 6, 7]]],
    ["lists of ids", [[5, 6], [7]], () => [[5, 6], [7]]],
  ])("gets %s as lists of ids, in order", async (_, input, expected) => {
    const list = await deployment.client.embeddings.create({ model: "of-tokens", input });
    expect(asked).toMatchObject({
      token_ids: expected(),
      model: "of-tokens",
      dimensions: null,
      mdc_sum: expect.any(String),
      annotations: [],
    });
    expect(list.data.map(({ embedding, index }) => ({ embedding, index }))).toEqual(
      expected().map((_ids, index) => ({ embedding: numbers, index })),
    );
    const count = expected().flat().length;
    expect(list).toMatchObject({
      object: "list",
      model: "of-tokens",
      usage: { prompt_tokens: count, total_tokens: count },
    });
  });

  it("answers in numbers unless base64 is asked for, and passes dimensions on", async () => {
    const request = { model: "of-tokens", input: "hello" };
    const vectorOf = async (fields: object) => {
      const { status, body } = await post({ ...request, ...fields });
      expect(status).toBe(200);
      return (body.data as { embedding: unknown }[])[0]!.embedding;
    };
    expect(await vectorOf({})).toEqual(numbers);
    expect(asked).not.toHaveProperty("encoding_format");
    expect(await vectorOf({ encoding_format: "float", dimensions: 2 })).toEqual(numbers);
    expect(asked).toMatchObject({ encoding_format: "float", dimensions: 2 });
    expect(await vectorOf({ encoding_format: "base64" })).toBe(recorded);
  });

  it.each([
    ["no model of such a type", { model }, 404, "model"],
    ["no input", { input: undefined }, 400, "input"],
    ["an empty list", { input: [] }, 400, "input"],
    ["an empty text", { input: "" }, 400, "input"],
    ["an empty text in a list", { input: ["a", ""] }, 400, "input[1]"],
    ["an empty list in a list", { input: [[5], []] }, 400, "input[1]"],
    ["texts among ids", { input: [5, "a"] }, 400, "input[0]"],
    ["an id beyond the vocabulary", { input: [[5], [6, 999_999]] }, 400, "input[1]"],
    ["a text longer than the context", { input: ["a", "hello ".repeat(99)] }, 400, "input[1]"],
    ["another format", { encoding_format: "int8" }, 400, "encoding_format"],
    ["no dimensions", { dimensions: 0 }, 400, "dimensions"],
  ])("refuses %s", async (_, fields, status, param) => {
    const answer = await post({ model: "of-tokens", input: "hello", ...fields });
    expect([answer.status, answer.error.param]).toEqual([status, param]);
  });

  it.each([
    ["too few embeddings", { embeddings: [], prompt_tokens: 1, total_tokens: 1 }, 500],
    ["no float32 numbers", { embeddings: ["AAA="], prompt_tokens: 1, total_tokens: 1 }, 500],
    ["a number that is none", { embeddings: ["AADAfw=="], prompt_tokens: 1, total_tokens: 1 }, 500],
    ["something else", { token_ids: [1] }, 500],
    ["nothing", undefined, 503],
  ])("tells the client when a worker answers %s", async (_, item, status) => {
    const answer = await withAnswer(
      () => item,
      () => post({ model: "of-tokens", input: "hello" }),
    );
    expect(answer.status).toBe(status);
  });
});

describe("a model whose workers take text", () => {
  it("gets the body as the client wrote it", async () => {
    const body = { model: "of-text", input: ["hello"], encoding_format: "float", colour: "red" };
    const answer = await post(body);
    expect(asked).toEqual(body);
    expect(answer.body).toEqual(textAnswer(numbers));
  });

  it("answers in the form that was asked for, whichever the worker chose", async () => {
    for (const sent of [recorded, numbers]) {
      for (const [encoding_format, expected] of [
        ["float", numbers],
        ["base64", recorded],
      ]) {
        const answer = await withAnswer(
          () => textAnswer(sent),
          () => post({ model: "of-text", input: "hello", encoding_format }),
        );
        expect(answer.body).toEqual(textAnswer(expected));
      }
    }
  });

  it("is refused where the frontend would have to tokenize", async () => {
    for (const [path, fields] of [
      ["/v1/completions", { prompt: "hello" }],
      ["/tokenize", { prompt: "hello" }],
      ["/detokenize", { tokens: [5] }],
    ] as const) {
      const { status, error } = await post({ model: "of-text", ...fields }, path);
      expect([path, status, error.param]).toEqual([path, 400, "model"]);
      expect(error.message).toMatch(/take text/);
    }
  });
});

it("counts them as requests of their own endpoint, with their input and no output", async () => {
  await deployment.client.embeddings.create({ model: "of-text", input: "hello" });
  const page = await (await fetch(`${deployment.url}/metrics`)).text();
  for (const name of ["of-tokens", "of-text"]) {
    expect(page).toMatch(
      new RegExp(
        `dynamo_frontend_requests_total\\{[^}]*model="${name}"[^}]*endpoint="embeddings"[^}]*status="success"`,
      ),
    );
    expect(page).toMatch(
      new RegExp(`dynamo_frontend_input_sequence_tokens_count\\{model="${name}"\\} [1-9]`),
    );
  }
});
