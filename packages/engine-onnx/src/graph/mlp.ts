import type { GraphBuilder } from "../onnx/graph-builder.ts";
import type { LayerTensors } from "../weights/tensor-names.ts";
import type { LinearWriter } from "./linear.ts";

/** down(silu(gate(x)) · up(x)). */
export function writeMlp(
  graph: GraphBuilder,
  linear: LinearWriter,
  tensors: LayerTensors,
  input: string,
): string {
  const [gate, up] = linear.write(tensors.gateUp, input) as [string, string];
  // QuickGelu with alpha 1 is SiLU.
  const activated = graph.op("QuickGelu", [gate], {
    domain: "com.microsoft",
    attributes: { alpha: { float: 1 } },
  });
  return linear.write(tensors.down, graph.op("Mul", [activated, up]))[0]!;
}
