// Rotary settings, both spellings: `rope_theta` + `rope_scaling` (transformers 4) and
// `rope_parameters` (transformers 5), the latter flat or one object per layer type.
import { isDeepStrictEqual } from "node:util";
import { type ConfigFields, show } from "./config-fields.ts";
import type { RopeConfig } from "./model-config.ts";

const supported = "default, linear, llama3, yarn";

/** `contextLength` is `max_position_embeddings`. */
export function readRopeConfig(fields: ConfigFields, contextLength: number): RopeConfig {
  const parameters = readParameters(fields);
  const partial =
    parameters?.value("partial_rotary_factor") ?? fields.value("partial_rotary_factor");
  if (partial !== undefined && partial !== 1) {
    throw fields.unsupported(
      "partial_rotary_factor",
      `is ${show(partial)}; dyn rotates whole heads only (1).`,
    );
  }
  const theta = parameters?.has("rope_theta")
    ? parameters.positive("rope_theta")
    : fields.positive("rope_theta", 10_000);
  const scaling = readScalingFields(fields);
  return {
    theta,
    scaling: scaling === undefined ? { type: "none" } : readScaling(scaling, contextLength),
  };
}

/** The object that holds the scaling, in either spelling. */
export function readScalingFields(fields: ConfigFields): ConfigFields | undefined {
  return readParameters(fields) ?? fields.object("rope_scaling");
}

/** `rope_parameters`; where it has one object per layer type they must agree. */
function readParameters(fields: ConfigFields): ConfigFields | undefined {
  const parameters = fields.object("rope_parameters");
  if (parameters === undefined) return undefined;
  const layerTypes = ["full_attention", "sliding_attention"].filter((key) => parameters.has(key));
  const [first, ...others] = layerTypes;
  if (first === undefined) return parameters;
  for (const other of others) {
    if (!isDeepStrictEqual(parameters.value(first), parameters.value(other))) {
      throw fields.unsupported(
        "rope_parameters",
        `differs between ${first} and ${other}; dyn has one rotation for all layers.`,
      );
    }
  }
  return parameters.object(first);
}

function readScaling(fields: ConfigFields, contextLength: number): RopeConfig["scaling"] {
  const type = fields.text("rope_type") ?? fields.text("type") ?? "default";
  switch (type) {
    case "default":
    case "none":
      return { type: "none" };
    case "linear":
      return { type: "linear", factor: readFactor(fields) };
    case "llama3":
      return readLlama3(fields);
    case "yarn":
      return readYarn(fields, contextLength);
    case "dynamic":
      throw fields.unsupported(
        "rope_type",
        `is "dynamic": its frequencies change with the length of each prompt, which a cache of keys cannot follow. dyn runs ${supported}.`,
      );
    default:
      throw fields.unsupported(
        "rope_type",
        `is ${show(type)}, which dyn does not run. It runs ${supported}.`,
      );
  }
}

function readFactor(fields: ConfigFields): number {
  const factor = fields.positive("factor");
  if (factor < 1) throw fields.invalid("factor", `must be at least 1, but is ${factor}.`);
  return factor;
}

function readLlama3(fields: ConfigFields): RopeConfig["scaling"] {
  const lowFreqFactor = fields.positive("low_freq_factor");
  const highFreqFactor = fields.positive("high_freq_factor");
  if (highFreqFactor <= lowFreqFactor) {
    throw fields.invalid(
      "high_freq_factor",
      `must be above low_freq_factor (${lowFreqFactor}), but is ${highFreqFactor}.`,
    );
  }
  return {
    type: "llama3",
    factor: readFactor(fields),
    lowFreqFactor,
    highFreqFactor,
    originalContextLength: fields.count("original_max_position_embeddings"),
  };
}

function readYarn(fields: ConfigFields, contextLength: number): RopeConfig["scaling"] {
  const factor = readFactor(fields);
  if (!fields.flag("truncate", true)) {
    throw fields.unsupported("truncate", "is false; dyn rounds the yarn correction range (true).");
  }
  return {
    type: "yarn",
    factor,
    betaFast: fields.positive("beta_fast", 32),
    betaSlow: fields.positive("beta_slow", 1),
    originalContextLength: fields.count("original_max_position_embeddings", contextLength),
    attentionFactor: readAttentionFactor(fields, factor),
  };
}

/** As transformers computes it: the field itself, else from mscale and mscale_all_dim, else 0.1 ln(factor) + 1. */
function readAttentionFactor(fields: ConfigFields, factor: number): number {
  if (fields.has("attention_factor")) return fields.positive("attention_factor");
  const extra = fields.positive("attn_factor", 1);
  const scale = (mscale: number) => (factor <= 1 ? 1 : 0.1 * mscale * Math.log(factor) + 1);
  const mscale = fields.optionalNumber("mscale") ?? 0;
  const mscaleAllDim = fields.optionalNumber("mscale_all_dim") ?? 0;
  if (mscale > 0 && mscaleAllDim > 0) return (extra * scale(mscale)) / scale(mscaleAllDim);
  return extra * scale(1);
}
