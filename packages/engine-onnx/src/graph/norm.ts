import type { GraphBuilder } from "../onnx/graph-builder.ts";

/** x · rsqrt(mean(x²) + eps) · weight over the last axis. */
export function writeRmsNorm(
  graph: GraphBuilder,
  input: string,
  weight: string,
  eps: number,
): string {
  return graph.op("SimplifiedLayerNormalization", [input, weight], {
    attributes: { axis: -1, epsilon: { float: eps }, stash_type: 1 },
  });
}

/** Adds `input` to the residual stream and normalises the sum, in one kernel. */
export function writeAddRmsNorm(
  graph: GraphBuilder,
  input: string,
  residual: string,
  weight: string,
  eps: number,
): { normalized: string; residual: string } {
  const normalized = `${input}_normalized`;
  const sum = `${input}_residual`;
  graph.op("SkipSimplifiedLayerNormalization", [input, residual, weight], {
    domain: "com.microsoft",
    attributes: { epsilon: { float: eps } },
    outputs: [normalized, "", "", sum],
  });
  return { normalized, residual: sum };
}
