import { ModelFileError } from "../files/model-file-error.ts";
import { type ConfigFields, show } from "./config-fields.ts";
import type { ModelFamily } from "./model-config.ts";

/** What a family fixes, where transformers' config class has a default of its own. */
export interface FamilyTraits {
  readonly family: ModelFamily;
  /** `null`: `attention_bias` decides. */
  readonly qkvBias: boolean | null;
  readonly outputBias: boolean | null;
  /** `null`: `mlp_bias` decides. */
  readonly mlpBias: boolean | null;
  readonly qkNorm: boolean;
  /** `null`: hidden_size / num_attention_heads. */
  readonly defaultHeadDim: number | null;
  /** How `sliding_window` counts: never, always when set, or only with `use_sliding_window`. */
  readonly slidingWindow: "never" | "when-set" | "when-flagged";
}

const families: Readonly<Record<string, FamilyTraits>> = {
  LlamaForCausalLM: {
    family: "llama",
    qkvBias: null,
    outputBias: null,
    mlpBias: null,
    qkNorm: false,
    defaultHeadDim: null,
    slidingWindow: "never",
  },
  Qwen2ForCausalLM: {
    family: "qwen2",
    qkvBias: true,
    outputBias: false,
    mlpBias: false,
    qkNorm: false,
    defaultHeadDim: null,
    slidingWindow: "when-flagged",
  },
  Qwen3ForCausalLM: {
    family: "qwen3",
    qkvBias: null,
    outputBias: null,
    mlpBias: false,
    qkNorm: true,
    defaultHeadDim: 128,
    slidingWindow: "when-flagged",
  },
  MistralForCausalLM: {
    family: "mistral",
    qkvBias: false,
    outputBias: false,
    mlpBias: false,
    qkNorm: false,
    defaultHeadDim: null,
    slidingWindow: "when-set",
  },
};

/** The same without a head over the vocabulary: what makes vectors only. */
const bodies = new Map(
  Object.keys(families).map((name) => [name.replace("ForCausalLM", "Model"), name]),
);

/** Architectures that people try, which SGLang serves and dyn's own engines do not. */
const servedBySglang = new Set([
  "CohereForCausalLM",
  "DeepseekV2ForCausalLM",
  "DeepseekV3ForCausalLM",
  "Gemma2ForCausalLM",
  "Gemma3ForCausalLM",
  "Gemma3ForConditionalGeneration",
  "GptOssForCausalLM",
  "Llama4ForConditionalGeneration",
  "MixtralForCausalLM",
  "Mistral3ForConditionalGeneration",
  "Phi3ForCausalLM",
  "Qwen2MoeForCausalLM",
  "Qwen2VLForConditionalGeneration",
  "Qwen2_5_VLForConditionalGeneration",
  "Qwen3MoeForCausalLM",
]);

/** Reads `architectures` of config.json. Refuses what is not known, with the list of what is. */
export function readArchitecture(
  fields: ConfigFields,
  takesBodies: boolean,
): {
  readonly architecture: string;
  readonly traits: FamilyTraits;
} {
  const value = fields.value("architectures");
  const known = Object.keys(families).join(", ");
  if (!Array.isArray(value) || typeof value[0] !== "string") {
    throw fields.invalid(
      "architectures",
      `must be a list with the model's class, one of ${known}, but is ${show(value)}.`,
    );
  }
  const architecture = value[0];
  const body = bodies.get(architecture);
  if (body !== undefined && !takesBodies) {
    throw new ModelFileError(
      "DYN_MODEL_UNSUPPORTED",
      fields.file,
      `architecture "${architecture}" has no head over the vocabulary: it makes vectors, not text. Serve it with --embedding-worker.`,
    );
  }
  const name = body ?? architecture;
  const traits = Object.hasOwn(families, name) ? families[name] : undefined;
  if (traits !== undefined) return { architecture, traits };
  const elsewhere = servedBySglang.has(architecture)
    ? " An SGLang server runs it: use the sglang engine."
    : "";
  throw new ModelFileError(
    "DYN_MODEL_UNSUPPORTED",
    fields.file,
    `architecture "${architecture}" is not one that dyn runs. It runs ${known}.${elsewhere}`,
  );
}
