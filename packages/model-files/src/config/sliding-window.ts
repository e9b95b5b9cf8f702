import type { FamilyTraits } from "./architectures.ts";
import { type ConfigFields, show } from "./config-fields.ts";

/**
 * The one window of all layers, in tokens, the position itself included (transformers' `sliding_window`);
 * `null` when every layer sees everything. Models that mix both kinds of layers are refused.
 */
export function readSlidingWindow(
  fields: ConfigFields,
  traits: FamilyTraits,
  layerCount: number,
): number | null {
  if (traits.slidingWindow === "never") return null;
  if (traits.slidingWindow === "when-flagged" && !fields.flag("use_sliding_window", false)) {
    return null;
  }
  if (!fields.has("sliding_window")) return null;
  const window = fields.count("sliding_window");
  if (fields.has("layer_types")) return readLayerTypes(fields, window, layerCount);
  if (traits.slidingWindow === "when-set") return window;
  // Qwen: the first max_window_layers see everything, the others slide.
  const fullLayerCount = fields.optionalNumber("max_window_layers") ?? 28;
  if (fullLayerCount >= layerCount) return null;
  if (fullLayerCount === 0) return window;
  throw fields.unsupported(
    "max_window_layers",
    `is ${fullLayerCount} of ${layerCount} layers: dyn runs models whose layers all have the same window. Set "use_sliding_window": false to serve prompts up to ${window} tokens.`,
  );
}

function readLayerTypes(fields: ConfigFields, window: number, layerCount: number): number | null {
  const types = fields.value("layer_types");
  if (!Array.isArray(types) || types.length !== layerCount) {
    throw fields.invalid(
      "layer_types",
      `must be a list of num_hidden_layers (${layerCount}) names, but is ${show(types)}.`,
    );
  }
  if (types.every((type) => type === "full_attention")) return null;
  if (types.every((type) => type === "sliding_attention")) return window;
  throw fields.unsupported(
    "layer_types",
    "mixes kinds of layers: dyn runs models whose layers all have the same window.",
  );
}
