// The rerank handler over a real engine and a random model of Qwen3-Reranker's shape. Oracle: transformers, recorded by
// packages/engine-onnx/test/fixtures/record/record_embeddings.py.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { EmbeddingEngine } from "@dyn/engine";
import { createOnnxEmbeddingEngine } from "@dyn/engine-onnx";
import {
  createRerankHandler,
  isRealAnswer,
  rerankHealthPayload,
  yesNoTokenIds,
} from "@dyn/handlers";
import type { RerankList } from "@dyn/protocol";
import { RequestContext, type RequestHandler } from "@dyn/runtime";
import { modelPath } from "@dyn/tiny-models";
import { createTokenizerPool, loadTokenizer, type TokenizerPool } from "@dyn/tokenizer";
import { afterAll, beforeAll, expect, test } from "vitest";

const directory = join(import.meta.dirname, "../../engine-onnx/test/fixtures/rerank-qwen3");
const recorded = JSON.parse(readFileSync(join(directory, "scores.json"), "utf8")) as {
  readonly yes: number;
  readonly no: number;
  readonly cases: readonly { query: string; documents: string[]; scores: number[] }[];
};
let engine: EmbeddingEngine;
let pool: TokenizerPool;
let handler: RequestHandler<unknown, RerankList>;

beforeAll(async () => {
  const tokenizer = await loadTokenizer(directory);
  pool = createTokenizerPool({ directory, tokenizer });
  expect(yesNoTokenIds(tokenizer)).toEqual([recorded.no, recorded.yes]);
  engine = await createOnnxEmbeddingEngine({
    modelDirectory: directory,
    labelTokenIds: yesNoTokenIds(tokenizer),
    threadCount: 1,
  });
  handler = createRerankHandler({ engine, tokenizer, pool });
});
afterAll(async () => {
  await engine.close();
  await pool.close();
});

async function ask(body: unknown): Promise<RerankList> {
  const items: RerankList[] = [];
  for await (const { data } of handler(body, new RequestContext())) if (data) items.push(data);
  expect(items).toHaveLength(1);
  return items[0]!;
}

test.each(recorded.cases)(
  "scores for $query are those of transformers, best first",
  async (one) => {
    // A blank document is refused; the engine's tests cover its prompt.
    const kept = one.documents.flatMap((text, i) =>
      text === "" ? [] : [{ text, score: one.scores[i]! }],
    );
    const documents = kept.map(({ text }) => text);
    const answer = await ask({ model: "m", query: one.query, documents });
    expect(answer.map(({ index }) => index).sort()).toEqual(kept.map((_, i) => i));
    for (const { index, score, document } of answer) {
      expect(document).toBe(documents[index]);
      expect(Math.abs(score - kept[index]!.score)).toBeLessThan(1e-4);
    }
    expect(answer.map(({ score }) => score)).toEqual(
      answer.map(({ score }) => score).sort((a, b) => b - a),
    );
    const cut = await ask({
      model: "m",
      query: one.query,
      documents,
      top_n: 2,
      return_documents: false,
    });
    expect(cut.map(({ index }) => index)).toEqual(answer.slice(0, 2).map(({ index }) => index));
    expect(cut[0]).not.toHaveProperty("document");
  },
);

test("the probe of Dynamo's rerank worker is answered", async () => {
  expect(rerankHealthPayload("tiny")).toEqual({
    model: "tiny",
    query: "health check",
    documents: ["health check"],
  });
  const answer = await ask(rerankHealthPayload("tiny"));
  expect(isRealAnswer(answer)).toBe(true);
  const [only] = answer;
  expect(only!.score).toBeGreaterThan(0);
  expect(only!.score).toBeLessThan(1);
});

test("another instruction gives other scores", async () => {
  const request = { model: "m", query: "gravity", documents: ["a force"] };
  const [usual] = await ask(request);
  const [other] = await ask({ ...request, instruct: "Find what is not about it" });
  expect(other!.score).not.toBe(usual!.score);
});

test.each([
  [{ query: " ", documents: ["a"] }, "query"],
  [{ query: "a", documents: [] }, "documents"],
  [{ query: "a", documents: ["a", "\n"] }, "documents"],
  [{ query: "a", documents: ["a"], top_n: 0 }, "top_n"],
  [{ query: "a", documents: ["a", "words ".repeat(600)] }, "documents[1]"],
])("what cannot be ranked is refused by name: %#", async (body, param) => {
  await expect(ask({ model: "m", ...body })).rejects.toMatchObject({ status: 400, param });
});

test("a model whose tokenizer cannot say yes or no is refused", async () => {
  const tokenizer = await loadTokenizer(modelPath("dyn-tiny-embed"));
  expect(() => yesNoTokenIds(tokenizer)).toThrow("Qwen3-Reranker");
});
