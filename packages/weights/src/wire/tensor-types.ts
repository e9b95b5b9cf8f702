// Torch's names of number types, as bodies of update routes have them, and safetensors' names.
import { InvalidArgumentError } from "@dyn/protocol";

interface TensorType {
  readonly safetensors: string;
  readonly bytes: number;
}

const types: ReadonlyMap<string, TensorType> = new Map([
  ["float32", { safetensors: "F32", bytes: 4 }],
  ["float16", { safetensors: "F16", bytes: 2 }],
  ["bfloat16", { safetensors: "BF16", bytes: 2 }],
]);

/** `float32` and `torch.float32` are the same. Throws InvalidArgumentError for a type that weights cannot have here. */
export function tensorType(dtype: string): TensorType {
  const type = types.get(dtype.replace(/^torch\./, ""));
  if (type !== undefined) return type;
  throw new InvalidArgumentError(
    `dtypes has ${JSON.stringify(dtype)}; weights are ${[...types.keys()].join(", ")}.`,
    { param: "dtypes" },
  );
}

/** Of all numbers of a tensor. */
export function tensorBytes(dtype: string, shape: readonly number[]): number {
  return shape.reduce((count, size) => count * size, tensorType(dtype).bytes);
}
