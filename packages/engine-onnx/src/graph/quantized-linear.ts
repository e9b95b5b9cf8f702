// Linear layers in 8 bit blocks. Projections of one input are one product, cut afterwards.
import type { Checkpoint } from "@dyn/model-files";
import type { GraphBuilder } from "../onnx/graph-builder.ts";
import { quantizedGroup } from "../quantize/quantized-tensors.ts";
import type { CheckpointWeights } from "../weights/checkpoint-weights.ts";
import { externalDataLocation } from "../weights/external-file.ts";
import type { ProjectionGroup } from "../weights/tensor-names.ts";
import { DenseLinearWriter, type LinearWriter } from "./linear.ts";

/** The kernel also rounds activations to 8 bits; at its default (0) it is 18 times slower, measured. */
const int8Accuracy = 4;

export class QuantizedLinearWriter implements LinearWriter {
  readonly #graph: GraphBuilder;
  readonly #weights: CheckpointWeights;
  readonly #quantized: Checkpoint;
  readonly #dense: DenseLinearWriter;

  constructor(graph: GraphBuilder, weights: CheckpointWeights, quantized: Checkpoint) {
    this.#graph = graph;
    this.#weights = weights;
    this.#quantized = quantized;
    this.#dense = new DenseLinearWriter(graph, weights);
  }

  write(group: ProjectionGroup, input: string): string[] {
    const quantized = quantizedGroup(group);
    if (quantized === null) return this.#dense.write(group, input);
    const { blockSize, rowCount } = quantized;
    const inputs = [
      input,
      this.#tensor(quantized.codes, "uint8"),
      this.#tensor(quantized.scales, "float32"),
    ];
    const bias = this.#bias(group);
    if (bias !== null) inputs.push("", "", bias);
    const product = this.#graph.op("MatMulNBits", inputs, {
      domain: "com.microsoft",
      attributes: {
        K: group.inputSize,
        N: rowCount,
        bits: 8,
        block_size: blockSize,
        accuracy_level: int8Accuracy,
      },
    });
    const sizes = group.projections.map(({ outputSize }) => outputSize);
    return sizes.length === 1 ? [product] : this.#graph.split(product, sizes);
  }

  #tensor(name: string, type: "uint8" | "float32"): string {
    const view = this.#quantized.get(name);
    return this.#graph.externalInitializer(name, type, view.shape, {
      location: externalDataLocation(view.file),
      offsetBytes: view.offsetBytes,
      sizeBytes: view.sizeBytes,
    });
  }

  #bias(group: ProjectionGroup): string | null {
    const biases = group.projections.flatMap(({ bias, outputSize }) =>
      bias === null ? [] : [this.#weights.float32(bias, [outputSize])],
    );
    if (biases.length === 0) return null;
    if (biases.length === 1) return biases[0]!;
    return this.#graph.op("Concat", biases, { attributes: { axis: 0 } });
  }
}
