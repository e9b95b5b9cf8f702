// Attention of one layer as one operator of our own, which reads and writes KV pages in place.
import type { GraphBuilder } from "../onnx/graph-builder.ts";

/** q, k rotated [T, heads, 1, headDim] and [T, kvHeads, 1, headDim], v [T, kvHeads x headDim] -> [T, heads x headDim]. */
export function writePageAttention(
  graph: GraphBuilder,
  layer: number,
  { q, k, v }: { readonly q: string; readonly k: string; readonly v: string },
): string {
  return graph.op("PageAttention", [q, k, v], { domain: "dyn", attributes: { layer } });
}
