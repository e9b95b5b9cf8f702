import {
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Executor } from "@dyn/engine";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createOnnxExecutor } from "../src/executor/create-onnx-executor.ts";
import type { LoadPhase } from "../src/executor/load-phase.ts";
import { BlockQuantizer } from "../src/quantize/block-quantizer.ts";
import { loadRecordedModel } from "./drive/recorded-model.ts";
import { rmsError, SequenceDriver } from "./drive/sequence-driver.ts";

describe("block quantiser", () => {
  // Oracle: the formula, in JavaScript.
  test.each(["F32", "F16", "BF16"] as const)("rounds %s weights to the nearest code", (dtype) => {
    const blockSize = 32;
    const weights = Float32Array.from({ length: 4 * blockSize }, (_, i) =>
      i < blockSize ? 0 : ((i * 37) % 101) - 50 + (i % 4) / 4,
    );
    const bytes = { F32: weights, F16: toFloat16(weights), BF16: toBfloat16(weights) }[dtype];
    const quantizer = new BlockQuantizer(1);
    const { codes, scales } = quantizer.quantize(new Uint8Array(bytes.buffer), dtype, blockSize);
    quantizer.close();
    for (let block = 0; block < 4; block++) {
      const values = weights.subarray(block * blockSize, (block + 1) * blockSize);
      const scale = Math.max(...values.map(Math.abs)) / 127;
      expect(scales[block]).toBeCloseTo(scale, 6);
      for (const [i, value] of values.entries()) {
        const code = codes[block * blockSize + i]!;
        expect(Math.abs((code - 128) * scale - value)).toBeLessThanOrEqual(scale * 0.5001);
      }
    }
  });
});

describe("quantised executor", () => {
  let cacheDirectory: string;
  beforeEach(() => {
    cacheDirectory = mkdtempSync(join(tmpdir(), "dyn-q8-"));
  });
  afterEach(() => rmSync(cacheDirectory, { recursive: true, force: true }));

  async function open(modelDirectory: string): Promise<{ executor: Executor; origin: string }> {
    const phases: LoadPhase[] = [];
    const executor = await createOnnxExecutor({
      modelDirectory,
      quantization: "q8",
      maxTotalTokens: 1024,
      threadCount: 1,
      cacheDirectory,
      onLoadPhase: (phase) => phases.push(phase),
    });
    return { executor, origin: phases.find(({ name }) => name === "quantize")?.detail ?? "" };
  }

  async function logitsOf(executor: Executor, prompt: readonly number[]): Promise<Float32Array> {
    const driver = new SequenceDriver(executor);
    const logits = await driver.prefill({ sequence: driver.create(), newTokens: prompt });
    await executor.close();
    return logits;
  }

  // Errors of 8 bit weights and activations over two layers of width 32: a few percent. A wrong scale,
  // order of rows or bias is off by 100 %.
  test.each(["qwen2-yarn", "qwen3-sharded-bf16", "llama-biases-linear-f16"] as const)(
    "%s stays close to the exact logits",
    async (name) => {
      const model = loadRecordedModel(name);
      const { executor } = await open(model.directory);
      expect(executor.info.dtype).toBe("q8");
      const logits = await logitsOf(executor, model.prompts[4]!);
      const error = rmsError(logits, model.logits[4]!);
      expect(error).toBeLessThan(0.12);
      expect(error).toBeGreaterThan(0);
    },
  );

  test("the second start uses the cache and computes the same", async () => {
    const model = loadRecordedModel("qwen3-tied");
    const first = await open(model.directory);
    const second = await open(model.directory);
    expect([first.origin, second.origin]).toEqual(["quantized", "cache"]);
    const prompt = model.prompts[3]!;
    expect(await logitsOf(second.executor, prompt)).toEqual(await logitsOf(first.executor, prompt));
    expect(readdirSync(cacheDirectory)).toHaveLength(1);
  });

  describe("a damaged entry is made again", () => {
    const model = loadRecordedModel("qwen3-tied");
    const weightsOf = (entry: string) => join(cacheDirectory, entry, "model.safetensors");
    test.each([
      ["cut short", (entry: string) => truncateSync(weightsOf(entry), 5000), "checksum"],
      [
        "with a flipped bit",
        (entry: string) => {
          const bytes = readFileSync(weightsOf(entry));
          bytes[bytes.length - 100]! ^= 1;
          writeFileSync(weightsOf(entry), bytes);
        },
        "checksum",
      ],
      ["without weights", (entry: string) => rmSync(weightsOf(entry)), "weights cannot be read"],
      [
        "with a broken manifest",
        (entry: string) => writeFileSync(join(cacheDirectory, entry, "manifest.json"), "{"),
        "manifest",
      ],
    ])("%s", async (_, damage, reason) => {
      const first = await open(model.directory);
      const expected = await logitsOf(first.executor, model.prompts[2]!);
      damage(readdirSync(cacheDirectory)[0]!);
      const second = await open(model.directory);
      expect(second.origin).toContain(reason);
      expect(await logitsOf(second.executor, model.prompts[2]!)).toEqual(expected);
      expect(await open(model.directory).then(closeAndTell)).toBe("cache");
    });
  });

  test("a changed checkpoint is quantised again, in place", async () => {
    const directory = join(cacheDirectory, "model");
    cpSync(loadRecordedModel("qwen3-tied").directory, directory, { recursive: true });
    await open(directory).then(closeAndTell);
    const file = join(directory, "model.safetensors");
    utimesSync(file, 1, statSync(file).mtimeMs / 1000 + 10);
    const origin = await open(directory).then(closeAndTell);
    expect(origin).toContain("changed");
    expect(readdirSync(cacheDirectory)).toHaveLength(2);
  });

  test("two starts at once leave one good entry", async () => {
    const { directory } = loadRecordedModel("qwen3-tied");
    const both = await Promise.all([open(directory), open(directory)]);
    for (const { executor } of both) await executor.close();
    expect(readdirSync(cacheDirectory)).toHaveLength(1);
    expect(await open(directory).then(closeAndTell)).toBe("cache");
  });
});

async function closeAndTell(opened: { executor: Executor; origin: string }): Promise<string> {
  await opened.executor.close();
  return opened.origin;
}

/** Of numbers that both types hold exactly. */
function toBfloat16(values: Float32Array): Uint16Array<ArrayBuffer> {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  return Uint16Array.from(bits, (word) => word >>> 16);
}

function toFloat16(values: Float32Array): Uint16Array<ArrayBuffer> {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  return Uint16Array.from(bits, (word) => {
    const exponent = (word >>> 23) & 0xff;
    if (exponent === 0) return 0;
    return ((word >>> 16) & 0x8000) | ((exponent - 112) << 10) | ((word >>> 13) & 0x3ff);
  });
}
