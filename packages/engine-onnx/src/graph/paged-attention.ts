// Attention of one layer over KV pages, in standard operators. New keys and values leave the graph as outputs;
// the executor writes them into the pages. Past and new scores are computed apart and joined by
// the softmax, so that neither keys nor values are ever concatenated.
//
// Letters: T new tokens of all rows, B rows, Q most new tokens of a row, P most past pages of a row,
// L = P x pageSize, G = heads per kv head.
import type { ModelConfig } from "@dyn/model-files";
import type { GraphBuilder } from "../onnx/graph-builder.ts";

export function writePagedAttentionInputs(graph: GraphBuilder): void {
  /** Token of row b at query slot q; slots behind a row's end repeat its first token. */
  graph.input("slotTokens", "int32", ["B", "Q"]);
  /** Where a token's answer lies among the B x Q slots. */
  graph.input("tokenSlots", "int32", ["T"]);
  graph.input("pages", "int32", ["B", "P"]);
  /** 0 or a large negative number, added to scores. M is 1, or G x Q when a window depends on the query. */
  graph.input("pastMask", "float32", [1, "B", "M", "L"]);
  graph.input("newMask", "float32", [1, "B", "GQ", "Q"]);
  /** [L, Q] */
  graph.input("scoreSplit", "int64", [2]);
  /** [B, Q, kvHeads, G, headDim] */
  graph.input("queryShape", "int64", [5]);
  /** [kvHeads, B, G, Q, headDim] */
  graph.input("answerShape", "int64", [5]);
}

/** q, k rotated [T, heads, 1, headDim] and [T, kvHeads, 1, headDim], v [T, kvHeads x headDim] -> [T, heads x headDim]. */
export function writePagedAttention(
  graph: GraphBuilder,
  config: ModelConfig,
  layer: number,
  pageSize: number,
  { q, k, v }: { readonly q: string; readonly k: string; readonly v: string },
): string {
  const { kvHeadCount, headDim } = config;
  const tokens = (value: string, name: string) => {
    graph.output(name, "float32", [kvHeadCount, "T", headDim]);
    return graph.transpose(graph.reshape(value, [-1, kvHeadCount, headDim]), [1, 0, 2], name);
  };
  const bySlot = (value: string) => gather(graph, value, "slotTokens", 1); // [kv, B, Q, headDim]
  const byPage = (name: string) => {
    graph.input(name, "float32", [kvHeadCount, "pageCount", pageSize * headDim]);
    return graph.reshape(gather(graph, name, "pages", 1), [kvHeadCount, 0, -1, headDim]);
  };
  const newKeys = bySlot(tokens(k, `newKeys.${layer}`));
  const newValues = bySlot(tokens(v, `newValues.${layer}`));
  const pastKeys = byPage(`keyPages.${layer}`); // [kv, B, L, headDim]
  const pastValues = byPage(`valuePages.${layer}`);

  const slots = graph.op("Reshape", [gather(graph, q, "slotTokens", 0), "queryShape"]);
  const queries = graph.reshape(graph.transpose(slots, [2, 0, 3, 1, 4]), [
    kvHeadCount,
    0,
    -1,
    headDim,
  ]); // [kv, B, G x Q, headDim]
  const scores = (keys: string, mask: string) => {
    const product = graph.op("FusedMatMul", [queries, keys], {
      domain: "com.microsoft",
      attributes: { transB: 1, alpha: { float: 1 / Math.sqrt(headDim) } },
    });
    return graph.op("Add", [product, mask]);
  };
  const joined = graph.op("Concat", [scores(pastKeys, "pastMask"), scores(newKeys, "newMask")], {
    attributes: { axis: -1 },
  });
  const weights = graph.op("Softmax", [joined], { attributes: { axis: -1 } });
  const pastWeights = `pastWeights.${layer}`;
  const newWeights = `newWeights.${layer}`;
  graph.op("Split", [weights, "scoreSplit"], {
    attributes: { axis: -1 },
    outputs: [pastWeights, newWeights],
  });
  const answers = graph.op("Add", [
    graph.op("MatMul", [pastWeights, pastValues]),
    graph.op("MatMul", [newWeights, newValues]),
  ]); // [kv, B, G x Q, headDim]
  const split = graph.op("Reshape", [answers, "answerShape"]);
  const merged = graph.reshape(graph.transpose(split, [1, 3, 0, 2, 4]), [
    -1,
    config.headCount * headDim,
  ]); // [B x Q, heads x headDim]
  return gather(graph, merged, "tokenSlots", 0);
}

function gather(graph: GraphBuilder, data: string, indices: string, axis: number): string {
  return graph.op("Gather", [data, indices], { attributes: { axis } });
}
