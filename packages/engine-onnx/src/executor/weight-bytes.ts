import { type Checkpoint, type ModelConfig, tensorDtypeSizeBytes } from "@dyn/model-files";
import { chooseBlockSize } from "../quantize/block-size.ts";
import { embeddingTensor, projectionGroups } from "../weights/tensor-names.ts";
import { type KvElementType, kvArrays } from "./kv-element-type.ts";
import type { KvShape } from "./kv-pages.ts";

/** Bytes that the weights take: linear layers as computed with, the embedding as stored. Norms and biases do not count. */
export function countWeightBytes(
  config: ModelConfig,
  checkpoint: Checkpoint,
  quantized: boolean,
  hasHead = true,
): number {
  let bytes =
    config.vocabSize *
    config.hiddenSize *
    tensorDtypeSizeBytes[checkpoint.get(embeddingTensor).dtype];
  // The head comes last.
  const groups = hasHead ? projectionGroups(config) : projectionGroups(config).slice(0, -1);
  for (const { inputSize, projections } of groups) {
    const rowCount = projections.reduce((sum, { outputSize }) => sum + outputSize, 0);
    const blockSize = quantized ? chooseBlockSize(inputSize) : null;
    const rowBytes = blockSize === null ? 4 * inputSize : inputSize + (4 * inputSize) / blockSize;
    bytes += rowCount * rowBytes;
  }
  return bytes;
}

/** Keys and values of one token in all layers. */
export function countKvBytesPerToken(shape: KvShape, elementType: KvElementType): number {
  const { layerCount, kvHeadCount, headDim } = shape;
  return 2 * layerCount * kvHeadCount * headDim * kvArrays[elementType].BYTES_PER_ELEMENT;
}
