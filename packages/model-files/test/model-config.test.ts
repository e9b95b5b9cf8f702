import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { loadModelConfig } from "@dyn/model-files";
import { DynError } from "@dyn/protocol";
import fc from "fast-check";
import { expect, test } from "vitest";
import { temporaryDirectory } from "./temporary-directory.ts";

type Json = Readonly<Record<string, unknown>>;

/** Llama-3.2-1B. */
const llama: Json = {
  architectures: ["LlamaForCausalLM"],
  attention_bias: false,
  bos_token_id: 128000,
  eos_token_id: [128001, 128008, 128009],
  head_dim: 64,
  hidden_act: "silu",
  hidden_size: 2048,
  intermediate_size: 8192,
  max_position_embeddings: 131072,
  mlp_bias: false,
  num_attention_heads: 32,
  num_hidden_layers: 16,
  num_key_value_heads: 8,
  rms_norm_eps: 1e-5,
  rope_scaling: {
    factor: 32,
    high_freq_factor: 4,
    low_freq_factor: 1,
    original_max_position_embeddings: 8192,
    rope_type: "llama3",
  },
  rope_theta: 500000,
  tie_word_embeddings: true,
  torch_dtype: "bfloat16",
  vocab_size: 128256,
};
/** Qwen2.5-0.5B. */
const qwen2: Json = {
  architectures: ["Qwen2ForCausalLM"],
  bos_token_id: 151643,
  eos_token_id: 151645,
  hidden_size: 896,
  intermediate_size: 4864,
  max_position_embeddings: 32768,
  max_window_layers: 21,
  num_attention_heads: 14,
  num_hidden_layers: 24,
  num_key_value_heads: 2,
  rms_norm_eps: 1e-6,
  rope_theta: 1000000,
  sliding_window: 32768,
  tie_word_embeddings: true,
  torch_dtype: "bfloat16",
  use_sliding_window: false,
  vocab_size: 151936,
};
/** Qwen3-0.6B. */
const qwen3: Json = {
  ...qwen2,
  architectures: ["Qwen3ForCausalLM"],
  attention_bias: false,
  head_dim: 128,
  hidden_size: 1024,
  intermediate_size: 3072,
  max_position_embeddings: 40960,
  num_attention_heads: 16,
  num_hidden_layers: 28,
  num_key_value_heads: 8,
  rope_scaling: null,
  sliding_window: null,
};
/** Mistral-7B-v0.1. */
const mistral: Json = {
  architectures: ["MistralForCausalLM"],
  bos_token_id: 1,
  eos_token_id: 2,
  hidden_size: 4096,
  intermediate_size: 14336,
  max_position_embeddings: 32768,
  num_attention_heads: 32,
  num_hidden_layers: 32,
  num_key_value_heads: 8,
  rms_norm_eps: 1e-5,
  rope_theta: 10000,
  sliding_window: 4096,
  tie_word_embeddings: false,
  torch_dtype: "bfloat16",
  vocab_size: 32000,
};

async function load(config: Json | string, generation?: Json) {
  const directory = temporaryDirectory();
  const text = typeof config === "string" ? config : JSON.stringify(config);
  await writeFile(join(directory, "config.json"), text);
  if (generation !== undefined) {
    await writeFile(join(directory, "generation_config.json"), JSON.stringify(generation));
  }
  return await loadModelConfig(directory);
}

test("Llama 3.2", async () => {
  expect(await load(llama, { temperature: 0.6, top_p: 0.9, do_sample: true })).toEqual({
    family: "llama",
    architecture: "LlamaForCausalLM",
    hiddenSize: 2048,
    layerCount: 16,
    headCount: 32,
    kvHeadCount: 8,
    headDim: 64,
    intermediateSize: 8192,
    vocabSize: 128256,
    rmsNormEps: 1e-5,
    rope: {
      theta: 500000,
      scaling: {
        type: "llama3",
        factor: 32,
        lowFreqFactor: 1,
        highFreqFactor: 4,
        originalContextLength: 8192,
      },
    },
    tieWordEmbeddings: true,
    qkvBias: false,
    outputBias: false,
    mlpBias: false,
    qkNorm: false,
    slidingWindow: null,
    contextLength: 131072,
    dtype: "bfloat16",
    bosTokenId: 128000,
    eosTokenIds: [128001, 128008, 128009],
    generation: { temperature: 0.6, topP: 0.9 },
  });
});

test("Qwen2.5, Qwen3 and Mistral differ where their families do", async () => {
  expect(await load(qwen2)).toMatchObject({
    family: "qwen2",
    headDim: 64,
    qkvBias: true,
    outputBias: false,
    qkNorm: false,
    slidingWindow: null,
    rope: { theta: 1e6, scaling: { type: "none" } },
    eosTokenIds: [151645],
  });
  expect(await load(qwen3)).toMatchObject({
    family: "qwen3",
    headDim: 128,
    qkvBias: false,
    qkNorm: true,
    slidingWindow: null,
  });
  expect(await load(mistral)).toMatchObject({
    family: "mistral",
    headDim: 128,
    qkvBias: false,
    slidingWindow: 4096,
    tieWordEmbeddings: false,
  });
  expect((await load({ ...mistral, sliding_window: null })).slidingWindow).toBeNull();
});

test("a Llama with biases says so", async () => {
  const config = await load({ ...llama, attention_bias: true, mlp_bias: true });
  expect(config).toMatchObject({ qkvBias: true, outputBias: true, mlpBias: true });
});

test("generation_config.json wins over config.json where it says something", async () => {
  const config = await load(qwen2, { eos_token_id: [151645, 151643], top_k: 20, min_p: 0.1 });
  expect(config.eosTokenIds).toEqual([151645, 151643]);
  expect(config.generation).toEqual({ topK: 20, minP: 0.1 });
  expect((await load(qwen2, { bos_token_id: 5 })).eosTokenIds).toEqual([151645]);
});

test("both spellings of rope settings mean the same", async () => {
  const { rope_theta, rope_scaling, ...rest } = llama;
  const parameters = { rope_theta, ...(rope_scaling as Json) };
  const old = (await load(llama)).rope;
  expect((await load({ ...rest, rope_parameters: parameters })).rope).toEqual(old);
  expect((await load({ ...rest, rope_parameters: { full_attention: parameters } })).rope).toEqual(
    old,
  );
  const typed = { ...(rope_scaling as Json), rope_type: undefined, type: "llama3" };
  expect((await load({ ...llama, rope_scaling: typed })).rope).toEqual(old);
});

test("yarn takes its defaults as transformers does", async () => {
  const rope_scaling = { type: "yarn", factor: 4, original_max_position_embeddings: 32768 };
  const config = await load({ ...qwen3, rope_scaling });
  expect(config.rope.scaling).toEqual({
    type: "yarn",
    factor: 4,
    betaFast: 32,
    betaSlow: 1,
    originalContextLength: 32768,
    attentionFactor: 0.1 * Math.log(4) + 1,
  });
  expect(config.contextLength).toBe(40960);
  const mscale = { ...rope_scaling, mscale: 1, mscale_all_dim: 1 };
  expect((await load({ ...qwen3, rope_scaling: mscale })).rope.scaling).toMatchObject({
    attentionFactor: 1,
  });
});

test("a linear factor without an original length stretches the context", async () => {
  const config = await load({ ...mistral, rope_scaling: { type: "linear", factor: 2 } });
  expect(config.rope.scaling).toEqual({ type: "linear", factor: 2 });
  expect(config.contextLength).toBe(65536);
});

test.each<[string, Json, RegExp]>([
  [
    "unknown architecture",
    { architectures: ["FooForCausalLM"] },
    /"FooForCausalLM" is not one that dyn runs. It runs LlamaForCausalLM, /,
  ],
  [
    "architecture that SGLang has",
    { architectures: ["Gemma3ForCausalLM"] },
    /use the sglang engine/,
  ],
  [
    "name of an object's own method",
    { architectures: ["constructor"] },
    /"constructor" is not one/,
  ],
  [
    "dynamic rope",
    { rope_scaling: { rope_type: "dynamic", factor: 2 } },
    /"rope_scaling\.rope_type" is "dynamic"/,
  ],
  ["longrope", { rope_scaling: { rope_type: "longrope" } }, /"longrope", which dyn does not run/],
  ["partial rotation", { partial_rotary_factor: 0.5 }, /"partial_rotary_factor" is 0\.5/],
  ["activation", { hidden_act: "gelu" }, /"hidden_act" is "gelu"/],
  ["quantized", { quantization_config: { quant_method: "gptq" } }, /quantized \(gptq\)/],
  ["dtype", { torch_dtype: "float8_e4m3fn" }, /"torch_dtype" is "float8_e4m3fn"/],
  [
    "mixed windows",
    {
      architectures: ["Qwen2ForCausalLM"],
      use_sliding_window: true,
      sliding_window: 128,
      max_window_layers: 3,
    },
    /"max_window_layers" is 3 of 16/,
  ],
])("refuses what it does not run: %s", async (_, change, message) => {
  await expect(load({ ...llama, ...change })).rejects.toMatchObject({
    code: "DYN_MODEL_UNSUPPORTED",
    message: expect.stringMatching(message),
  });
});

test.each<[Json, RegExp]>([
  [{ hidden_size: undefined }, /config\.json: field "hidden_size" is missing/],
  [{ hidden_size: 0 }, /"hidden_size" must be a whole number of at least 1, but is 0/],
  [{ hidden_size: "2048" }, /but is "2048"/],
  [{ num_hidden_layers: 1.5 }, /"num_hidden_layers" .* but is 1\.5/],
  [{ num_key_value_heads: 5 }, /must divide num_attention_heads \(32\), but is 5/],
  [
    { head_dim: undefined, num_attention_heads: 24, num_key_value_heads: 8 },
    /"hidden_size" must be a multiple/,
  ],
  [{ head_dim: 63 }, /"head_dim" must be even/],
  [{ rms_norm_eps: -1 }, /"rms_norm_eps" must be a number above 0/],
  [{ eos_token_id: 200000 }, /"eos_token_id" must hold token ids from 0 to 128255/],
  [{ eos_token_id: [1, "2"] }, /but holds "2"/],
  [{ tie_word_embeddings: "yes" }, /must be true or false, but is "yes"/],
  [{ rope_scaling: [] }, /"rope_scaling" must be an object/],
  [
    { rope_scaling: { rope_type: "linear", factor: 0.5 } },
    /"rope_scaling\.factor" must be at least 1/,
  ],
  [
    { rope_scaling: { rope_type: "llama3", factor: 8 } },
    /"rope_scaling\.low_freq_factor" is missing/,
  ],
  [{ architectures: [] }, /"architectures" must be a list/],
])("names file and field of what cannot be: %j", async (change, message) => {
  await expect(load({ ...llama, ...change })).rejects.toMatchObject({
    code: "DYN_MODEL_FILE_INVALID",
    message: expect.stringMatching(message),
  });
});

test.each([
  ["", /is not valid JSON/],
  ['{"hidden_size": 20', /has 18 characters; was the copy cut short/],
  ["[]", /not an object/],
  ["version https://git-lfs.github.com/spec/v1\noid sha256:0", /Git LFS pointer/],
])("a damaged config.json is named: %j", async (text, message) => {
  await expect(load(text)).rejects.toMatchObject({
    code: "DYN_MODEL_FILE_INVALID",
    message: expect.stringMatching(message),
  });
});

test("a missing config.json is named", async () => {
  const directory = temporaryDirectory();
  await expect(loadModelConfig(directory)).rejects.toMatchObject({
    code: "DYN_MODEL_FILE_MISSING",
    message: `${join(directory, "config.json")}: there is no such file.`,
  });
});

test("whatever a field holds, the answer is a config or a DynError that names the file", async () => {
  const directory = temporaryDirectory();
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(llama, qwen2, qwen3, mistral),
      fc.constantFrom(
        ...Object.keys({ ...llama, ...qwen2, layer_types: 0, rope_parameters: 0, dtype: 0 }),
      ),
      fc.jsonValue({ maxDepth: 2 }),
      async (base, field, value) => {
        const file = join(directory, "config.json");
        await writeFile(file, JSON.stringify({ ...base, [field]: value }));
        try {
          const config = await loadModelConfig(directory);
          expect(config.headCount % config.kvHeadCount).toBe(0);
        } catch (error) {
          expect(DynError.is(error), String(error)).toBe(true);
          expect(String(error)).toContain(file);
        }
      },
    ),
    { numRuns: 400 },
  );
});
