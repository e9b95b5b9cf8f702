import type { Checkpoint, TensorView } from "@dyn/model-files";
import { embeddingTensor } from "./tensor-names.ts";

const prefix = "model.";

/**
 * The checkpoint under the names of this package. Models saved without a head (Qwen3-Embedding, sentence-transformers)
 * write `layers.0...` for `model.layers.0...`.
 */
export function bodyCheckpoint(checkpoint: Checkpoint): Checkpoint {
  if (checkpoint.has(embeddingTensor)) return checkpoint;
  const bare = (name: string) => (name.startsWith(prefix) ? name.slice(prefix.length) : name);
  const renamed = (view: TensorView): TensorView => ({ ...view, name: prefix + view.name });
  return {
    tensors: new Map([...checkpoint.tensors].map(([name, view]) => [prefix + name, renamed(view)])),
    totalBytes: checkpoint.totalBytes,
    has: (name) => checkpoint.has(bare(name)),
    get: (name) => renamed(checkpoint.get(bare(name))),
    read: (name) => checkpoint.read(bare(name)),
  };
}
