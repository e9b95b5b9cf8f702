// Writes a Hugging Face directory with random bfloat16 weights of a shape.
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  renameSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { bfloat16One, fillRandom } from "./random-weights.ts";
import { contextLength, type ModelShape, rmsNormEps, ropeTheta, shapeTensors } from "./shapes.ts";

const chunkValues = 1 << 22;

/** Does nothing when the directory is there. Returns it. */
export function writeCheckpoint(directory: string, shape: ModelShape): string {
  if (existsSync(join(directory, "config.json"))) return directory;
  mkdirSync(directory, { recursive: true });
  const tensors = shapeTensors(shape);
  const header: Record<string, object> = {};
  let offset = 0;
  for (const tensor of tensors) {
    const end = offset + 2 * tensor.shape.reduce((a, b) => a * b, 1);
    header[tensor.name] = { dtype: "BF16", shape: tensor.shape, data_offsets: [offset, end] };
    offset = end;
  }
  const json = JSON.stringify(header);
  const text = Buffer.from(json.padEnd(Math.ceil(json.length / 8) * 8));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  const draft = join(directory, "model.safetensors.draft");
  const file = openSync(draft, "w");
  writeSync(file, length);
  writeSync(file, text);
  const buffer = new Uint16Array(chunkValues);
  for (const [index, tensor] of tensors.entries()) {
    const count = tensor.shape.reduce((a, b) => a * b, 1);
    for (let done = 0; done < count; done += chunkValues) {
      const chunk = buffer.subarray(0, Math.min(chunkValues, count - done));
      fillTensor(chunk, tensor.shape, index * 4096 + done / chunkValues);
      writeSync(file, new Uint8Array(chunk.buffer, 0, chunk.byteLength));
    }
  }
  closeSync(file);
  renameSync(draft, join(directory, "model.safetensors"));
  const config = {
    architectures: ["Qwen3ForCausalLM"],
    model_type: "qwen3",
    hidden_act: "silu",
    attention_bias: false,
    tie_word_embeddings: true,
    rope_theta: ropeTheta,
    rms_norm_eps: rmsNormEps,
    max_position_embeddings: contextLength,
    torch_dtype: "bfloat16",
    ...shape,
  };
  writeFileSync(join(directory, "config.json"), JSON.stringify(config, null, 1));
  return directory;
}

/** The same values for the same seed, whoever asks: deviation 2^-5. */
export function fillTensor(target: Uint16Array, shape: readonly number[], seed: number): void {
  if (shape.length === 1) target.fill(bfloat16One);
  else fillRandom(target, seed, 5);
}
