// Streams a checkpoint through the quantiser into one safetensors file. Memory stays at a chunk of weights
// and the scales of one group, whatever the size of the model.
import { type FileHandle, open } from "node:fs/promises";
import { type Checkpoint, type TensorView, tensorDtypeSizeBytes } from "@dyn/model-files";
import { getWeight } from "../weights/checkpoint-weights.ts";
import { BlockQuantizer } from "./block-quantizer.ts";
import type { QuantizedGroup } from "./quantized-tensors.ts";

/** Measured: smaller chunks pay for calls, larger ones leave the caches. */
const chunkWeights = 1 << 18;

export async function writeQuantizedFile(
  file: string,
  checkpoint: Checkpoint,
  groups: readonly QuantizedGroup[],
  threadCount: number,
): Promise<void> {
  const quantizer = new BlockQuantizer(threadCount);
  const target = await open(file, "wx");
  try {
    await target.write(layoutHeader(groups));
    for (const group of groups) await writeGroup(target, checkpoint, group, quantizer);
    await target.sync();
  } finally {
    quantizer.close();
    await target.close();
  }
}

/** The 8 byte length and the JSON header, padded so that data begins at a multiple of 8. */
function layoutHeader(groups: readonly QuantizedGroup[]): Uint8Array {
  const entries: Record<string, object> = {};
  let offset = 0;
  const add = (name: string, dtype: "U8" | "F32", shape: readonly number[]) => {
    const sizeBytes = shape.reduce((product, n) => product * n, tensorDtypeSizeBytes[dtype]);
    entries[name] = { dtype, shape, data_offsets: [offset, offset + sizeBytes] };
    offset += sizeBytes;
  };
  for (const { group, blockSize, rowCount, codes, scales } of groups) {
    const blocksPerRow = group.inputSize / blockSize;
    add(codes, "U8", [rowCount, blocksPerRow, blockSize]);
    add(scales, "F32", [rowCount, blocksPerRow]);
  }
  const json = JSON.stringify(entries);
  const text = Buffer.from(json.padEnd(Math.ceil(json.length / 8) * 8));
  const header = Buffer.alloc(8 + text.length);
  header.writeBigUInt64LE(BigInt(text.length));
  text.copy(header, 8);
  return header;
}

async function writeGroup(
  target: FileHandle,
  checkpoint: Checkpoint,
  { group, blockSize, rowCount }: QuantizedGroup,
  quantizer: BlockQuantizer,
): Promise<void> {
  const scales = new Float32Array((rowCount * group.inputSize) / blockSize);
  let block = 0;
  for (const { weight, outputSize } of group.projections) {
    const view = getWeight(checkpoint, weight, [outputSize, group.inputSize]);
    for await (const chunk of readChunks(view)) {
      const quantized = quantizer.quantize(chunk, view.dtype, blockSize);
      scales.set(quantized.scales, block);
      block += quantized.scales.length;
      await target.write(quantized.codes);
    }
  }
  await target.write(new Uint8Array(scales.buffer));
}

/** Chunks of whole blocks; each is valid until the next. */
async function* readChunks(view: TensorView): AsyncGenerator<Uint8Array> {
  const source = await open(view.file, "r");
  try {
    const buffer = new Uint8Array(chunkWeights * tensorDtypeSizeBytes[view.dtype]);
    for (let done = 0; done < view.sizeBytes; ) {
      const wanted = Math.min(buffer.length, view.sizeBytes - done);
      let filled = 0;
      while (filled < wanted) {
        const position = view.offsetBytes + done + filled;
        const { bytesRead } = await source.read(buffer, filled, wanted - filled, position);
        if (bytesRead === 0) throw new Error(`${view.file} ended inside tensor "${view.name}"`);
        filled += bytesRead;
      }
      yield buffer.subarray(0, wanted);
      done += wanted;
    }
  } finally {
    await source.close();
  }
}
