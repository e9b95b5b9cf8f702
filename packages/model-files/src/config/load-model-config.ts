// config.json and generation_config.json of a model directory, checked field by field and normalised.
// Never guesses: what is missing, contradictory or not runnable is an error that names file and field.
import { join } from "node:path";
import { readJsonFile, readOptionalJsonFile } from "../files/read-json-file.ts";
import { type FamilyTraits, readArchitecture } from "./architectures.ts";
import { ConfigFields, show } from "./config-fields.ts";
import { readGenerationDefaults } from "./generation-config.ts";
import type { ModelConfig } from "./model-config.ts";
import { readRopeConfig, readScalingFields } from "./rope-config.ts";
import { readSlidingWindow } from "./sliding-window.ts";

/**
 * Throws ModelFileError: `DYN_MODEL_FILE_MISSING`, `_INVALID`, `_UNREADABLE`, or `DYN_MODEL_UNSUPPORTED`
 * when the files are sound but dyn does not run such a model.
 */
export async function loadModelConfig(
  directory: string,
  options: {
    /** Also models without a head over the vocabulary (`Qwen3Model`), which make vectors only. */
    readonly takesBodies?: boolean;
  } = {},
): Promise<ModelConfig> {
  const file = join(directory, "config.json");
  const generationFile = join(directory, "generation_config.json");
  const fields = new ConfigFields(file, await readJsonFile(file));
  const generation = new ConfigFields(
    generationFile,
    (await readOptionalJsonFile(generationFile)) ?? {},
  );
  return readModelConfig(fields, generation, options.takesBodies ?? false);
}

function readModelConfig(
  fields: ConfigFields,
  generation: ConfigFields,
  takesBodies: boolean,
): ModelConfig {
  const { architecture, traits } = readArchitecture(fields, takesBodies);
  refuseWhatChangesTheMath(fields);
  const layerCount = fields.count("num_hidden_layers");
  const vocabSize = fields.count("vocab_size");
  const maxPositions = fields.count("max_position_embeddings");
  const rope = readRopeConfig(fields, maxPositions);
  const attentionBias = fields.flag("attention_bias", false);
  return {
    family: traits.family,
    architecture,
    ...readWidths(fields, traits),
    layerCount,
    intermediateSize: fields.count("intermediate_size"),
    vocabSize,
    rmsNormEps: fields.positive("rms_norm_eps", 1e-6),
    rope,
    tieWordEmbeddings: fields.flag("tie_word_embeddings", false),
    qkvBias: traits.qkvBias ?? attentionBias,
    outputBias: traits.outputBias ?? attentionBias,
    mlpBias: traits.mlpBias ?? fields.flag("mlp_bias", false),
    qkNorm: traits.qkNorm,
    slidingWindow: readSlidingWindow(fields, traits, layerCount),
    contextLength: readContextLength(fields, maxPositions, rope),
    dtype: readDtype(fields),
    bosTokenId:
      (generation.tokenIds("bos_token_id", vocabSize) ??
        fields.tokenIds("bos_token_id", vocabSize))?.[0] ?? null,
    eosTokenIds:
      generation.tokenIds("eos_token_id", vocabSize) ??
      fields.tokenIds("eos_token_id", vocabSize) ??
      [],
    generation: readGenerationDefaults(generation),
  };
}

function readWidths(fields: ConfigFields, traits: FamilyTraits) {
  const hiddenSize = fields.count("hidden_size");
  const headCount = fields.count("num_attention_heads");
  const kvHeadCount = fields.count(
    "num_key_value_heads",
    traits.family === "llama" ? headCount : undefined,
  );
  if (headCount % kvHeadCount !== 0) {
    throw fields.invalid(
      "num_key_value_heads",
      `must divide num_attention_heads (${headCount}), but is ${kvHeadCount}.`,
    );
  }
  if (!fields.has("head_dim") && traits.defaultHeadDim === null && hiddenSize % headCount !== 0) {
    throw fields.invalid(
      "hidden_size",
      `must be a multiple of num_attention_heads (${headCount}) when head_dim is not given, but is ${hiddenSize}.`,
    );
  }
  const headDim = fields.count("head_dim", traits.defaultHeadDim ?? hiddenSize / headCount);
  if (headDim % 2 !== 0) {
    throw fields.invalid("head_dim", `must be even (rotation works on pairs), but is ${headDim}.`);
  }
  return { hiddenSize, headCount, kvHeadCount, headDim };
}

/** SGLang's rule: a linear or yarn factor stretches the context unless the original length is given beside it. */
function readContextLength(
  fields: ConfigFields,
  maxPositions: number,
  rope: ModelConfig["rope"],
): number {
  const { scaling } = rope;
  if (scaling.type === "none" || scaling.type === "llama3") return maxPositions;
  if (readScalingFields(fields)?.has("original_max_position_embeddings")) return maxPositions;
  return Math.floor(maxPositions * scaling.factor);
}

function readDtype(fields: ConfigFields): ModelConfig["dtype"] {
  const field = fields.has("dtype") ? "dtype" : "torch_dtype";
  const value = (fields.text(field) ?? "float32").replace(/^torch\./, "");
  if (value !== "float32" && value !== "float16" && value !== "bfloat16") {
    throw fields.unsupported(
      field,
      `is ${show(value)}; dyn reads checkpoints in float32, float16 and bfloat16.`,
    );
  }
  return value;
}

function refuseWhatChangesTheMath(fields: ConfigFields): void {
  const activation = fields.text("hidden_act") ?? "silu";
  if (activation !== "silu" && activation !== "swish") {
    throw fields.unsupported("hidden_act", `is ${show(activation)}; dyn runs silu.`);
  }
  if (!fields.flag("is_causal", true) || fields.flag("use_bidirectional_attention", false)) {
    const field = fields.has("use_bidirectional_attention")
      ? "use_bidirectional_attention"
      : "is_causal";
    throw fields.unsupported(
      field,
      "says that tokens see those behind them; dyn runs causal attention only.",
    );
  }
  const quantization = fields.object("quantization_config");
  if (quantization !== undefined) {
    const method = quantization.text("quant_method") ?? "unknown";
    throw fields.unsupported(
      "quantization_config",
      `says that the weights are quantized (${method}); dyn reads unquantized checkpoints. Use the model's original repository.`,
    );
  }
}
