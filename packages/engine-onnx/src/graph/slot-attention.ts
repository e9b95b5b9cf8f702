// Attention of one layer over slots: each sequence's keys and values side by side, [rows, kvHeads, capacity, headDim].
// ONNX Runtime writes the new ones where they belong, when outputs are given the memory of the inputs.
//
// Letters: B rows, S new tokens of each, C capacity of a slot in tokens.
import type { ModelConfig } from "@dyn/model-files";
import type { GraphBuilder } from "../onnx/graph-builder.ts";

export function writeSlotAttentionInputs(graph: GraphBuilder): void {
  /** Past and new tokens of each row, less one. */
  graph.input("lastPositions", "int32", ["B"]);
  /** The most past and new tokens of a row. */
  graph.input("longest", "int32", [1]);
  /** [B, S, heads x headDim] */
  graph.input("queryShape", "int64", [3]);
  /** [B, S, kvHeads x headDim] */
  graph.input("keyShape", "int64", [3]);
}

/** q, k rotated [B x S, heads, 1, headDim] and [B x S, kvHeads, 1, headDim], v [B x S, kvHeads x headDim] -> [B x S, heads x headDim]. */
export function writeSlotAttention(
  graph: GraphBuilder,
  config: ModelConfig,
  layer: number,
  { q, k, v }: { readonly q: string; readonly k: string; readonly v: string },
): string {
  const { headCount, kvHeadCount, headDim, slidingWindow } = config;
  const slot = (name: string) => {
    const dimensions = ["B", kvHeadCount, "C", headDim];
    graph.output(`${name}After.${layer}`, "float32", dimensions);
    return graph.input(`${name}.${layer}`, "float32", dimensions);
  };
  const inputs = [
    graph.op("Reshape", [q, "queryShape"]),
    graph.op("Reshape", [k, "keyShape"]),
    graph.op("Reshape", [v, "keyShape"]),
    slot("keys"),
    slot("values"),
    "lastPositions",
    "longest",
  ];
  const answers = graph.op("GroupQueryAttention", inputs, {
    domain: "com.microsoft",
    attributes: {
      num_heads: headCount,
      kv_num_heads: kvHeadCount,
      scale: { float: 1 / Math.sqrt(headDim) },
      ...(slidingWindow === null ? {} : { local_window_size: slidingWindow }),
    },
    outputs: [`answers.${layer}`, `keysAfter.${layer}`, `valuesAfter.${layer}`],
  });
  return graph.reshape(answers, [-1, headCount * headDim]);
}
