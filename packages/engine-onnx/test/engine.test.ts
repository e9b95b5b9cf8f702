// The whole engine on its thread. Oracle: continuations that transformers made.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Engine } from "@dyn/engine";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createOnnxEngine, type LoadPhase } from "../src/index.ts";
import { collect, greedyRequest } from "./drive/greedy-request.ts";
import { loadRecordedModel } from "./drive/recorded-model.ts";

const model = loadRecordedModel("qwen3-tied");

describe("an engine on its thread", () => {
  let engine: Engine;
  const phases: LoadPhase[] = [];
  beforeAll(async () => {
    engine = await createOnnxEngine({
      modelDirectory: model.directory,
      maxTotalTokens: 1024,
      threadCount: 1,
      chunkedPrefillSize: 16,
      onLoadPhase: (phase) => phases.push(phase),
    });
  });
  afterAll(() => engine.close());

  test("says what it is and how it was loaded", () => {
    expect(engine.info).toMatchObject({
      kind: "onnx",
      dtype: "f32",
      vocabSize: 300,
      contextLength: 512,
      pageSize: 16,
      pageCount: 64,
      maxRunningRequests: 64,
      kvBytesPerToken: 2 * 2 * 2 * 16 * 4,
    });
    expect(phases.map(({ name }) => name)).toEqual(["read", "session"]);
  });

  test("continues prompts as transformers does, several at once and with cached prefixes", async () => {
    const expected = model.continuations;
    const rounds = ["cold", "warm"].map(async (round) =>
      Promise.all(
        model.continued.map((prompt) =>
          collect(engine, greedyRequest(`${round}-${prompt}`, model.prompts[prompt]!, 128)),
        ),
      ),
    );
    expect(await Promise.all(rounds)).toEqual([expected, expected]);
    const again = await collect(engine, greedyRequest("again", model.prompts[3]!, 128));
    expect(again).toEqual(expected[1]);
    expect(engine.metrics().cachedTokens).toBeGreaterThan(0);
  });

  test("the caller's thread stays free while the model computes", async () => {
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    await collect(engine, greedyRequest("busy", model.prompts[3]!, 128));
    clearInterval(timer);
    expect(turns).toBeGreaterThan(0);
  });

  test("an abandoned request frees its pages", async () => {
    for await (const _ of engine.generate(greedyRequest("left", model.prompts[4]!, 400))) break;
    await engine.drain();
    await expect.poll(() => engine.metrics().pagesUsed).toBe(0);
  });
});

describe("a start that fails", () => {
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), "dyn-start-"));
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  test("names the missing directory", async () => {
    const start = createOnnxEngine({ modelDirectory: join(directory, "nowhere") });
    await expect(start).rejects.toMatchObject({ code: "DYN_MODEL_FILE_MISSING" });
  });

  test("refuses PyTorch pickles with the remedy", async () => {
    const pickled = join(directory, "pickled");
    mkdirSync(pickled);
    writeFileSync(join(pickled, "pytorch_model.bin"), "");
    writeFileSync(
      join(pickled, "config.json"),
      JSON.stringify({
        architectures: ["LlamaForCausalLM"],
        model_type: "llama",
        hidden_size: 32,
        num_hidden_layers: 1,
        num_attention_heads: 2,
        num_key_value_heads: 2,
        intermediate_size: 64,
        vocab_size: 100,
        max_position_embeddings: 64,
      }),
    );
    const start = createOnnxEngine({ modelDirectory: pickled });
    await expect(start).rejects.toThrow(/pytorch_model\.bin.*safetensors/s);
  });

  test.each([
    [{ contextLength: 100_000 }, "contextLength"],
    [{ pageSize: 0 }, "pageSize"],
    [{ maxTotalTokens: 3 }, "maxTotalTokens"],
    [{ memoryFraction: 1.5 }, "memoryFraction"],
    [{ attention: "flash" as "auto" }, "attention"],
    [{ kvCacheDtype: "bfloat16" as "auto" }, "kvCacheDtype"],
    [{ kvCacheDtype: "float16" as const, attention: "paged" as const }, "kvCacheDtype"],
    [{ maxRunningRequests: 0 }, "maxRunningRequests"],
  ])("names the option at fault: %j", async (options, param) => {
    const start = createOnnxEngine({ modelDirectory: model.directory, ...options });
    await expect(start).rejects.toMatchObject({ param, status: 400 });
  });

  test("gives up at the deadline", async () => {
    const start = createOnnxEngine({ modelDirectory: model.directory, startTimeoutMs: 1 });
    await expect(start).rejects.toMatchObject({ code: "DYN_REQUEST_DEADLINE_EXCEEDED" });
  });

  test("stops when its signal does", async () => {
    const controller = new AbortController();
    const start = createOnnxEngine({
      modelDirectory: model.directory,
      signal: controller.signal,
    });
    controller.abort();
    await expect(start).rejects.toMatchObject({ code: "DYN_REQUEST_CANCELLED" });
  });
});
