// Puts tensors of a checkpoint into a graph by reference: ONNX Runtime maps the file itself.
// Never reads a weight into JavaScript memory.
import {
  type Checkpoint,
  ModelFileError,
  type TensorDtype,
  type TensorView,
} from "@dyn/model-files";
import type { ElementType } from "../onnx/element-type.ts";
import type { GraphBuilder } from "../onnx/graph-builder.ts";
import { externalDataLocation } from "./external-file.ts";

const elementTypes: Partial<Record<TensorDtype, ElementType>> = {
  F32: "float32",
  F16: "float16",
  BF16: "bfloat16",
};

export class CheckpointWeights {
  readonly #checkpoint: Checkpoint;
  readonly #graph: GraphBuilder;

  constructor(checkpoint: Checkpoint, graph: GraphBuilder) {
    this.#checkpoint = checkpoint;
    this.#graph = graph;
  }

  /** The tensor as it is stored. */
  stored(name: string, shape: readonly number[]): { value: string; type: ElementType } {
    const view = getWeight(this.#checkpoint, name, shape);
    const type = elementTypes[view.dtype]!;
    const value = this.#graph.externalInitializer(name, type, view.shape, {
      location: externalDataLocation(view.file),
      offsetBytes: view.offsetBytes,
      sizeBytes: view.sizeBytes,
    });
    return { value, type };
  }

  /** The tensor in float32. ONNX Runtime folds the cast when it loads the graph. */
  float32(name: string, shape: readonly number[]): string {
    const { value, type } = this.stored(name, shape);
    return type === "float32" ? value : castToFloat32(this.#graph, value);
  }
}

export function castToFloat32(graph: GraphBuilder, value: string): string {
  return graph.op("Cast", [value], { attributes: { to: 1 } });
}

/** Throws ModelFileError when the tensor is missing, has another shape, or a type that is no plain float. */
export function getWeight(
  checkpoint: Checkpoint,
  name: string,
  shape: readonly number[],
): TensorView {
  const view = checkpoint.get(name);
  if (view.shape.length !== shape.length || view.shape.some((size, i) => size !== shape[i])) {
    throw new ModelFileError(
      "DYN_MODEL_FILE_INVALID",
      view.file,
      `tensor "${name}" has shape [${view.shape}], but config.json asks for [${shape}].`,
    );
  }
  if (elementTypes[view.dtype] === undefined) {
    throw new ModelFileError(
      "DYN_MODEL_UNSUPPORTED",
      view.file,
      `tensor "${name}" has type ${view.dtype}; this engine computes with F32, F16 and BF16 weights.`,
    );
  }
  return view;
}
