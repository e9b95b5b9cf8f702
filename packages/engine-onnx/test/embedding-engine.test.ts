// The engine on its thread, with the embedding model that the project made. Oracle: sentence-transformers (vectors), the generator (neighbours).
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { EmbeddingEngine } from "@dyn/engine";
import { createOnnxEmbeddingEngine } from "@dyn/engine-onnx";
import { modelPath } from "@dyn/tiny-models";
import { loadTokenizer, type Tokenizer } from "@dyn/tokenizer";
import { afterAll, beforeAll, expect, test } from "vitest";

const modelDirectory = modelPath("dyn-tiny-embed");
const recorded = join(import.meta.dirname, "../../tiny-models/test/fixtures");
const read = <T>(name: string) => JSON.parse(readFileSync(join(recorded, name), "utf8")) as T;

let engine: EmbeddingEngine;
let tokenizer: Tokenizer;
beforeAll(async () => {
  tokenizer = await loadTokenizer(modelDirectory);
  engine = await createOnnxEmbeddingEngine({ modelDirectory, threadCount: 1 });
});
afterAll(() => engine.close());

const encode = (text: string) => tokenizer.encode(text, { addSpecialTokens: true });
const embed = (texts: readonly string[]) => engine.embed({ prompts: texts.map(encode) });

test("texts have the ids and the vectors of sentence-transformers", async () => {
  const cases =
    read<{ text: string; token_ids: number[]; vector: number[] }[]>("embed-vectors.json");
  const vectors = await embed(cases.map(({ text }) => text));
  for (const [i, { text, token_ids, vector }] of cases.entries()) {
    expect(Array.from(encode(text))).toEqual(token_ids);
    const error = Math.max(...vector.map((value, j) => Math.abs(value - vectors[i]![j]!)));
    expect(error, text).toBeLessThan(1e-5);
  }
});

test.each([256, 64])(
  "by %i numbers, 500 held-out questions are nearest to their document in 95 of 100 cases",
  async (size) => {
    const { documents, questions } = read<{
      documents: string[];
      questions: [text: string, document: number][];
    }>("embed-pairs.json");
    expect(questions).toHaveLength(500);
    const unit = (vector: Float32Array) => {
      const part = vector.subarray(0, size);
      const length = Math.hypot(...part);
      return part.map((value) => value / length);
    };
    const known = (await embed(documents)).map(unit);
    const asked = (await embed(questions.map(([text]) => text))).map(unit);
    const right = asked.filter((vector, i) => {
      const scores = known.map((other) => other.reduce((sum, x, j) => sum + x * vector[j]!, 0));
      return scores.indexOf(Math.max(...scores)) === questions[i]![1];
    });
    expect(right.length).toBeGreaterThanOrEqual(475);
  },
  30_000,
);

test("says what it is", () => {
  expect(engine.info).toMatchObject({
    kind: "onnx",
    dtype: "f32",
    vocabSize: 2048,
    contextLength: 1024,
    vectorSize: 256,
  });
});

test("q8 keeps the direction of vectors", async () => {
  const quantized = await createOnnxEmbeddingEngine({
    modelDirectory,
    quantization: "q8",
    cacheDirectory: mkdtempSync(join(tmpdir(), "dyn-embedding-")),
    threadCount: 1,
  });
  const prompts = ["What pet does Ada have?", "The capital of France is Paris."].map(encode);
  const [exact, rounded] = await Promise.all([engine, quantized].map((e) => e.embed({ prompts })));
  for (const [i, vector] of exact!.entries()) {
    const cosine = vector.reduce((sum, x, j) => sum + x * rounded![i]![j]!, 0);
    expect(cosine).toBeGreaterThan(0.99);
  }
  await quantized.close();
});

test("a start that cannot work says why, and leaves no thread", async () => {
  await expect(createOnnxEmbeddingEngine({ modelDirectory: "/nowhere" })).rejects.toMatchObject({
    code: "DYN_MODEL_FILE_MISSING",
  });
  await expect(
    createOnnxEmbeddingEngine({ modelDirectory, contextLength: 4096 }),
  ).rejects.toMatchObject({ param: "contextLength" });
  await expect(
    createOnnxEmbeddingEngine({ modelDirectory, signal: AbortSignal.abort() }),
  ).rejects.toMatchObject({ code: "DYN_REQUEST_CANCELLED" });
});
