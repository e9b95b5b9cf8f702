import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { writeCheckpoint } from "../bench/models/write-checkpoint.ts";
import { createOnnxExecutor } from "../src/executor/create-onnx-executor.ts";
import { loadRecordedModel } from "./drive/recorded-model.ts";
import { relativeError, SequenceDriver } from "./drive/sequence-driver.ts";

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "dyn-weights-"));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const prompt = Array.from({ length: 40 }, (_, i) => 7 * i + 3);

test("released weights leave memory, and resumed ones compute the same", async () => {
  // 32 M parameters of linear layers: 128 MB in float32.
  const modelDirectory = writeCheckpoint(join(directory, "wide"), {
    num_hidden_layers: 2,
    hidden_size: 1024,
    num_attention_heads: 16,
    num_key_value_heads: 8,
    head_dim: 64,
    intermediate_size: 4096,
    vocab_size: 512,
  });
  const executor = await createOnnxExecutor({ modelDirectory, maxTotalTokens: 1024 });
  const driver = new SequenceDriver(executor);
  const before = await driver.prefill({ sequence: driver.create(), newTokens: prompt });
  const loadedBytes = process.memoryUsage.rss();
  await executor.releaseWeights();
  await executor.releaseWeights();
  const freedBytes = loadedBytes - process.memoryUsage.rss();
  expect(freedBytes).toBeGreaterThan(100e6);
  const row = { sequence: driver.create(), newTokens: prompt };
  await expect(driver.prefill(row)).rejects.toMatchObject({ code: "DYN_ENGINE_UNAVAILABLE" });
  await executor.resumeWeights();
  await executor.resumeWeights();
  expect(await driver.prefill(row)).toEqual(before);
  await executor.close();
  await expect(driver.prefill(row)).rejects.toMatchObject({ code: "DYN_ENGINE_UNAVAILABLE" });
  await expect(executor.resumeWeights()).rejects.toMatchObject({ code: "DYN_ENGINE_UNAVAILABLE" });
});

test("KV survives a release of the weights", async () => {
  const model = loadRecordedModel("qwen3-tied");
  const executor = await createOnnxExecutor({
    modelDirectory: model.directory,
    maxTotalTokens: 1024,
  });
  const driver = new SequenceDriver(executor);
  const sequence = driver.create();
  const tokens = model.prompts[4]!;
  await driver.prefill({ sequence, newTokens: tokens.slice(0, 30) });
  await executor.releaseWeights();
  await executor.resumeWeights();
  const rest = await driver.prefill({ sequence, newTokens: tokens.slice(30) });
  const expected = model.logits[4]!.subarray(30 * model.vocabSize);
  expect(relativeError(rest, expected)).toBeLessThan(1e-5);
  await executor.close();
});
