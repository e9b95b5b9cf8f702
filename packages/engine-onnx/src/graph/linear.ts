// How a graph multiplies by weights: unquantised (Gemm, exact float32) or in 8 bit blocks (MatMulNBits).
import type { GraphBuilder } from "../onnx/graph-builder.ts";
import type { CheckpointWeights } from "../weights/checkpoint-weights.ts";
import type { ProjectionGroup } from "../weights/tensor-names.ts";

export interface LinearWriter {
  /** `input` [rows, group.inputSize] -> one [rows, outputSize] per projection. */
  write(group: ProjectionGroup, input: string): string[];
}

/** Weights stay [out, in] as stored; ONNX Runtime packs them when it loads. */
export class DenseLinearWriter implements LinearWriter {
  readonly #graph: GraphBuilder;
  readonly #weights: CheckpointWeights;

  constructor(graph: GraphBuilder, weights: CheckpointWeights) {
    this.#graph = graph;
    this.#weights = weights;
  }

  write(group: ProjectionGroup, input: string): string[] {
    return group.projections.map(({ weight, bias, outputSize }) => {
      const inputs = [input, this.#weights.float32(weight, [outputSize, group.inputSize])];
      if (bias !== null) inputs.push(this.#weights.float32(bias, [outputSize]));
      return this.#graph.op("Gemm", inputs, { attributes: { transB: 1 } });
    });
  }
}
