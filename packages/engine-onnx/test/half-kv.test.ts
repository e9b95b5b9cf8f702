// KV in float16. Oracle: Hugging Face transformers on the same weights, and the same executor with KV in float32.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Executor } from "@dyn/engine";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  createOnnxExecutor,
  type OnnxExecutorOptions,
} from "../src/executor/create-onnx-executor.ts";
import { whyNoHalfFloats, whyNoMachineCode } from "../src/kernel/processor-features.ts";
import { loadRecordedModel, recordedModels } from "./drive/recorded-model.ts";
import { relativeError, rmsError, SequenceDriver } from "./drive/sequence-driver.ts";

let cacheDirectory: string;
beforeAll(() => {
  cacheDirectory = mkdtempSync(join(tmpdir(), "dyn-kv16-"));
});
afterAll(() => rmSync(cacheDirectory, { recursive: true, force: true }));

const open = (modelDirectory: string, options: Partial<OnnxExecutorOptions> = {}) =>
  createOnnxExecutor({
    modelDirectory,
    maxTotalTokens: 1024,
    threadCount: 1,
    cacheDirectory,
    ...options,
  });

const canHalve = whyNoMachineCode() === null && whyNoHalfFloats() === null;

describe.skipIf(!canHalve)("KV in float16", () => {
  // Random weights make sharp scores. Rounding the KV of a float32 engine from outside, by roundToHalf, moves logits of these
  // models by 4e-4 to 2e-3; 8 bit weights may move them by 0.12 (quantization.test.ts).
  test.each(recordedModels)(
    "%s: logits over a cached past stay within a few roundings",
    async (name) => {
      const { directory, prompts, logits, vocabSize } = loadRecordedModel(name);
      const executor = await open(directory, { kvCacheDtype: "float16" });
      const driver = new SequenceDriver(executor);
      const prompt = prompts[4]!;
      const sequence = driver.create();
      await driver.prefill({ sequence, newTokens: prompt.slice(0, 20) });
      const rest = await driver.prefill({ sequence, newTokens: prompt.slice(20) });
      const error = rmsError(rest, logits[4]!.subarray(20 * vocabSize));
      expect(error).toBeLessThan(5e-3);
      expect(error).toBeGreaterThan(1e-6);
      await executor.close();
    },
  );

  test("it is what auto takes with 8 bit weights, and halves what a token takes", async () => {
    const { directory, prompts } = loadRecordedModel("qwen3-tied");
    const phases: string[] = [];
    const onLoadPhase = ({ detail }: { detail: string | null }) => phases.push(detail ?? "");
    const half = await open(directory, { quantization: "q8", onLoadPhase });
    const whole = await open(directory, { quantization: "q8", kvCacheDtype: "float32" });
    const exact = await open(directory);
    expect(phases.at(-1)).toContain("KV in float16");
    expect(half.kv?.layout.elementType).toBe("float16");
    for (const { kv, info } of [half, whole, exact]) {
      expect(kv?.layout.bytesPerToken).toBe(info.kvBytesPerToken);
    }
    expect(2 * half.info.kvBytesPerToken).toBe(whole.info.kvBytesPerToken);
    expect(exact.kv?.layout.elementType).toBe("float32");
    const [rounded, expected] = await Promise.all(
      [half, whole].map((executor) => {
        const driver = new SequenceDriver(executor);
        return driver.prefill({ sequence: driver.create(), newTokens: prompts[4]! });
      }),
    );
    // Activations are rounded to 8 bits: one that falls to the other side moves a logit by more than float16 does.
    expect(relativeError(rounded!, expected!)).toBeLessThan(0.05);
    for (const executor of [half, whole, exact]) await executor.close();
  });

  test("attention that cannot read it keeps float32 by itself", async () => {
    const { directory } = loadRecordedModel("qwen3-tied");
    const executor = await open(directory, { quantization: "q8", attention: "paged" });
    expect(executor.kv?.layout.elementType).toBe("float32");
    await executor.close();
  });
});

const types = canHalve ? (["float32", "float16"] as const) : (["float32"] as const);

describe.each(types)("KV in %s that moves to another executor", (kvCacheDtype) => {
  const { directory, prompts } = loadRecordedModel("qwen3-tied");
  let here: Executor;
  let there: Executor;
  beforeAll(async () => {
    here = await open(directory, { kvCacheDtype });
    // Pages of another size.
    there = await open(directory, { kvCacheDtype, pageSize: 8 });
  });
  afterAll(async () => {
    await here.close();
    await there.close();
  });

  test("continues there with the same logits, and survives a release of the weights", async () => {
    const prompt = prompts[4]!;
    const [driver, target] = [new SequenceDriver(here), new SequenceDriver(there)];
    const past = prompt.slice(0, 45);
    const sequence = driver.create();
    await driver.prefill({ sequence, newTokens: past });
    const copied = target.create();
    // Takes the pages, with something else in them.
    await target.prefill({ sequence: copied, newTokens: prompt.slice(0, 45).reverse() });
    // An odd start inside the buffer of the transport, in two runs that do not end with a page.
    const bytesPerToken = here.kv!.layout.bytesPerToken;
    for (const [start, count] of [
      [0, 21],
      [21, 24],
    ] as const) {
      const bytes = new Uint8Array(count * bytesPerToken + 1).subarray(1);
      await here.kv!.exportTokens(Int32Array.from(sequence.pages), start, count, bytes);
      await there.kv!.importTokens(Int32Array.from(copied.pages), start, count, bytes);
    }
    await there.releaseWeights();
    await there.resumeWeights();
    const newTokens = prompt.slice(45, 46);
    const expected = await driver.decode({ sequence, newTokens });
    expect(await target.decode({ sequence: copied, newTokens })).toEqual(expected);
  });
});
