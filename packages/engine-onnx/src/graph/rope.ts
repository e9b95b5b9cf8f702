import type { GraphBuilder } from "../onnx/graph-builder.ts";

/** Rotates halves: pairs are (i, i + headDim / 2). `input` [tokens, heads, 1, headDim], same out. */
export function writeRope(graph: GraphBuilder, input: string, headCount: number): string {
  return graph.op("RotaryEmbedding", [input, "positions", "cos", "sin"], {
    domain: "com.microsoft",
    attributes: { interleaved: 0, num_heads: headCount },
  });
}
