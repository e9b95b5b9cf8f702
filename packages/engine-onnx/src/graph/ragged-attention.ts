// Attention of one layer over whole prompts, or over a piece of one whose past is given. Nothing is kept: keys and
// values leave as outputs, for whoever computes the next piece. All else of the graph works on the T tokens
// without padding; here rows are padded to the longest of their run.
//
// Letters: T tokens of all rows, B rows, S most tokens of a row, P past tokens (of the one row, else 0).
import type { ModelConfig } from "@dyn/model-files";
import type { GraphBuilder } from "../onnx/graph-builder.ts";

export function writeRaggedAttentionInputs(graph: GraphBuilder): void {
  /** Token of row b at place s; places behind a row's end repeat its first token. */
  graph.input("slotTokens", "int32", ["BS"]);
  /** Where a token's answer lies among the B x S places. */
  graph.input("tokenSlots", "int32", ["T"]);
  /** Past and new tokens of each row, less one. */
  graph.input("lastPositions", "int32", ["B"]);
  /** P + S */
  graph.input("longest", "int32", [1]);
  /** [B, S, heads x headDim] */
  graph.input("queryShape", "int64", [3]);
  /** [B, S, kvHeads x headDim] */
  graph.input("keyShape", "int64", [3]);
}

/** q, k rotated [T, heads, 1, headDim] and [T, kvHeads, 1, headDim], v [T, kvHeads x headDim] -> [T, heads x headDim]. */
export function writeRaggedAttention(
  graph: GraphBuilder,
  config: ModelConfig,
  layer: number,
  { q, k, v }: { readonly q: string; readonly k: string; readonly v: string },
): string {
  const { headCount, kvHeadCount, headDim, slidingWindow } = config;
  const gather = (value: string, indexes: string) =>
    graph.op("Gather", [value, indexes], { attributes: { axis: 0 } });
  const rows = (value: string, shape: string) =>
    graph.op("Reshape", [gather(value, "slotTokens"), shape]);
  const past = (name: string) => {
    graph.output(`${name}After.${layer}`, "float32", ["B", kvHeadCount, "PS", headDim]);
    return graph.input(`${name}.${layer}`, "float32", ["B", kvHeadCount, "P", headDim]);
  };
  const inputs = [
    rows(q, "queryShape"),
    rows(k, "keyShape"),
    rows(v, "keyShape"),
    past("keys"),
    past("values"),
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
  return gather(graph.reshape(answers, [-1, headCount * headDim]), "tokenSlots");
}
