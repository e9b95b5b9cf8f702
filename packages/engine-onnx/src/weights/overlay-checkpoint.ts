import type { Checkpoint } from "@dyn/model-files";
import { InvalidArgumentError } from "@dyn/protocol";

/** `base` with the tensors of `over` in place of its own. Throws for one that `base` has not, or has in another shape. */
export function overlayCheckpoint(base: Checkpoint, over: Checkpoint): Checkpoint {
  for (const [name, { shape }] of over.tensors) {
    const own = base.tensors.get(name);
    if (own === undefined) {
      throw new InvalidArgumentError(
        `The model has no tensor ${JSON.stringify(name)}; name tensors as its checkpoint does.`,
        { param: "serialized_named_tensors" },
      );
    }
    if (own.shape.join() !== shape.join()) {
      throw new InvalidArgumentError(
        `Tensor ${JSON.stringify(name)} has shape [${shape}], and the model's has [${own.shape}].`,
        { param: "serialized_named_tensors" },
      );
    }
  }
  const owner = (name: string) => (over.has(name) ? over : base);
  return {
    tensors: new Map([...base.tensors, ...over.tensors]),
    totalBytes: base.totalBytes,
    has: (name) => base.has(name),
    get: (name) => owner(name).get(name),
    read: (name) => owner(name).read(name),
  };
}
