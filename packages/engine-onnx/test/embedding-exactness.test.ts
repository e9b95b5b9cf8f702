// Oracle: Hugging Face transformers and sentence-transformers, recorded by fixtures/record/record_embeddings.py.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type EmbeddingModel, loadEmbeddingModel } from "../src/embedding/load-embedding-model.ts";

/** The largest error of a number, relative to the largest number of the vector. */
const tolerance = 1e-5;
const fixtures = join(import.meta.dirname, "fixtures");
const names = [
  "embed-qwen3-last",
  "embed-qwen2-mean",
  "embed-mistral-weighted",
  "embed-llama-max",
  "embed-llama-cls",
] as const;

interface Recorded {
  readonly prompts: readonly number[][];
  readonly vectors: readonly number[][];
}

function batchOf(prompts: readonly (readonly number[])[]) {
  return {
    tokenIds: Int32Array.from(prompts.flat()),
    lengths: Int32Array.from(prompts, ({ length }) => length),
  };
}

function relativeError(actual: ArrayLike<number>, expected: readonly number[]): number {
  const largest = Math.max(...expected.map(Math.abs));
  return Math.max(...expected.map((value, i) => Math.abs(actual[i]! - value))) / largest;
}

describe.each(names)("%s", (name) => {
  const directory = join(fixtures, name);
  const { prompts, vectors } = JSON.parse(
    readFileSync(join(directory, "vectors.json"), "utf8"),
  ) as Recorded;
  let model: EmbeddingModel;
  beforeAll(async () => {
    model = await loadEmbeddingModel({ modelDirectory: directory, threadCount: 1 });
  });
  afterAll(() => model.runner.release());

  test("vectors of a ragged batch agree with Hugging Face", () => {
    const { vectorSize } = model.info;
    const actual = model.runner.embed(batchOf(prompts));
    for (const [i, expected] of vectors.entries()) {
      const vector = actual.subarray(i * vectorSize, (i + 1) * vectorSize);
      expect(relativeError(vector, expected)).toBeLessThan(tolerance);
    }
  });

  test.each([1, 7, 64])(
    "long prompts in pieces of %i tokens have the same vectors",
    async (size) => {
      const options = { modelDirectory: directory, threadCount: 1, maxPieceTokens: size };
      const { runner, info } = await loadEmbeddingModel(options);
      const actual = runner.embed(batchOf(prompts));
      for (const [i, expected] of vectors.entries()) {
        const vector = actual.subarray(i * info.vectorSize, (i + 1) * info.vectorSize);
        expect(relativeError(vector, expected)).toBeLessThan(tolerance);
      }
      runner.release();
    },
  );

  test("a prompt has the same vector alone", () => {
    for (const [i, prompt] of prompts.entries()) {
      expect(relativeError(model.runner.embed(batchOf([prompt])), vectors[i]!)).toBeLessThan(
        tolerance,
      );
    }
  });
});

test("yes and no get the logits that transformers computes", async () => {
  const directory = join(fixtures, "rerank-qwen3");
  const { yes, no, cases } = JSON.parse(readFileSync(join(directory, "scores.json"), "utf8")) as {
    yes: number;
    no: number;
    cases: { prompts: number[][]; logits: [number, number][] }[];
  };
  const { runner, info } = await loadEmbeddingModel({
    modelDirectory: directory,
    labelTokenIds: [no, yes],
    threadCount: 1,
  });
  expect(info.vectorSize).toBe(2);
  for (const { prompts, logits } of cases) {
    const actual = runner.embed(batchOf(prompts));
    for (const [i, pair] of logits.entries()) {
      expect(relativeError(actual.subarray(2 * i, 2 * i + 2), pair)).toBeLessThan(1e-4);
    }
  }
  runner.release();
});
