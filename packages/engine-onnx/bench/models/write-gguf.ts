// Writes the weights of a benchmark checkpoint as GGUF for llama.cpp: the same numbers, in BF16 or Q8_0.
import { closeSync, existsSync, openSync, readSync, renameSync, writeSync } from "node:fs";
import { openCheckpoint } from "@dyn/model-files";
import { contextLength, type ModelShape, rmsNormEps, ropeTheta, shapeTensors } from "./shapes.ts";

export type GgufType = "BF16" | "Q8_0";

const ggufTypes = { F32: 0, Q8_0: 8, BF16: 30 } as const;
const valueTypes = { uint32: 4, int32: 5, float32: 6, string: 8, array: 9 } as const;
const alignment = 32;
const chunkValues = 1 << 20;

/** Does nothing when the file is there. Returns it. */
export async function writeGguf(
  file: string,
  modelDirectory: string,
  shape: ModelShape,
  type: GgufType,
): Promise<string> {
  if (existsSync(file)) return file;
  const checkpoint = await openCheckpoint(modelDirectory);
  const tensors = shapeTensors(shape).map((tensor) => {
    const valueCount = tensor.shape.reduce((a, b) => a * b, 1);
    const stored: keyof typeof ggufTypes = tensor.shape.length === 1 ? "F32" : type;
    const sizeBytes = { F32: 4 * valueCount, BF16: 2 * valueCount, Q8_0: (34 * valueCount) / 32 }[
      stored
    ];
    return { ...tensor, valueCount, stored, sizeBytes };
  });

  const header = new GgufHeader();
  const metadata = describeModel(shape);
  header.text("GGUF").uint32(3).uint64(tensors.length).uint64(metadata.length);
  for (const write of metadata) write(header);
  let offset = 0;
  for (const tensor of tensors) {
    header.string(ggufName(tensor.name)).uint32(tensor.shape.length);
    for (const size of [...tensor.shape].reverse()) header.uint64(size);
    header.uint32(ggufTypes[tensor.stored]).uint64(offset);
    offset += Math.ceil(tensor.sizeBytes / alignment) * alignment;
  }
  const target = openSync(`${file}.draft`, "w");
  let position = writeSync(target, header.padded());
  const first = checkpoint.get(tensors[0]!.name);
  const source = openSync(first.file, "r");
  for (const tensor of tensors) {
    const { offsetBytes } = checkpoint.get(tensor.name);
    for (let done = 0; done < tensor.valueCount; done += chunkValues) {
      const values = new Uint16Array(Math.min(chunkValues, tensor.valueCount - done));
      readSync(source, new Uint8Array(values.buffer), 0, values.byteLength, offsetBytes + 2 * done);
      const bytes = { F32: toFloat32, BF16: toBytes, Q8_0: toQ8 }[tensor.stored](values);
      position += writeSync(target, bytes);
    }
    const rest = (alignment - (position % alignment)) % alignment;
    position += writeSync(target, new Uint8Array(rest));
  }
  closeSync(source);
  closeSync(target);
  renameSync(`${file}.draft`, file);
  return file;
}

function ggufName(name: string): string {
  return name
    .replace(/^model\.layers\.(\d+)\./, "blk.$1.")
    .replace("model.embed_tokens", "token_embd")
    .replace("model.norm", "output_norm")
    .replace("input_layernorm", "attn_norm")
    .replace("post_attention_layernorm", "ffn_norm")
    .replace(/self_attn\.([qkv])_proj/, "attn_$1")
    .replace(/self_attn\.([qk])_norm/, "attn_$1_norm")
    .replace("self_attn.o_proj", "attn_output")
    .replace(/mlp\.(gate|up|down)_proj/, "ffn_$1");
}

/** A made-up byte vocabulary: nothing is tokenized in the benchmark. */
function describeModel(shape: ModelShape): ((header: GgufHeader) => void)[] {
  const uint = (key: string, value: number) => (header: GgufHeader) =>
    header.string(key).uint32(valueTypes.uint32).uint32(value);
  const float = (key: string, value: number) => (header: GgufHeader) =>
    header.string(key).uint32(valueTypes.float32).float32(value);
  const string = (key: string, value: string) => (header: GgufHeader) =>
    header.string(key).uint32(valueTypes.string).string(value);
  const array =
    (
      key: string,
      type: keyof typeof valueTypes,
      write: (header: GgufHeader, token: number) => void,
    ) =>
    (header: GgufHeader) => {
      header.string(key).uint32(valueTypes.array).uint32(valueTypes[type]).uint64(shape.vocab_size);
      for (let token = 0; token < shape.vocab_size; token++) write(header, token);
    };
  const special = ["<unk>", "<s>", "</s>"];
  const isByte = (token: number) => token >= 3 && token < 259;
  const text = (token: number) =>
    special[token] ??
    (isByte(token)
      ? `<0x${(token - 3).toString(16).toUpperCase().padStart(2, "0")}>`
      : `t${token}`);
  return [
    string("general.architecture", "qwen3"),
    string("general.name", "benchmark"),
    uint("qwen3.block_count", shape.num_hidden_layers),
    uint("qwen3.context_length", contextLength),
    uint("qwen3.embedding_length", shape.hidden_size),
    uint("qwen3.feed_forward_length", shape.intermediate_size),
    uint("qwen3.attention.head_count", shape.num_attention_heads),
    uint("qwen3.attention.head_count_kv", shape.num_key_value_heads),
    uint("qwen3.attention.key_length", shape.head_dim),
    uint("qwen3.attention.value_length", shape.head_dim),
    float("qwen3.attention.layer_norm_rms_epsilon", rmsNormEps),
    float("qwen3.rope.freq_base", ropeTheta),
    string("tokenizer.ggml.model", "llama"),
    array("tokenizer.ggml.tokens", "string", (header, token) => header.string(text(token))),
    array("tokenizer.ggml.scores", "float32", (header, token) => header.float32(-token)),
    array("tokenizer.ggml.token_type", "int32", (header, token) =>
      header.uint32(token < 3 ? 3 : isByte(token) ? 6 : 1),
    ),
    uint("tokenizer.ggml.bos_token_id", 1),
    uint("tokenizer.ggml.eos_token_id", 2),
    uint("tokenizer.ggml.unknown_token_id", 0),
  ];
}

class GgufHeader {
  #bytes = Buffer.alloc(1 << 20);
  #size = 0;

  uint32(value: number): this {
    this.#size = this.#room(4).writeUInt32LE(value, this.#size);
    return this;
  }

  uint64(value: number): this {
    this.#size = this.#room(8).writeBigUInt64LE(BigInt(value), this.#size);
    return this;
  }

  float32(value: number): this {
    this.#size = this.#room(4).writeFloatLE(value, this.#size);
    return this;
  }

  text(value: string): this {
    this.#size += this.#room(4 * value.length).write(value, this.#size);
    return this;
  }

  string(value: string): this {
    return this.uint64(Buffer.byteLength(value)).text(value);
  }

  padded(): Uint8Array {
    const sizeBytes = Math.ceil(this.#size / alignment) * alignment;
    this.#room(alignment).fill(0, this.#size, sizeBytes);
    return this.#bytes.subarray(0, sizeBytes);
  }

  #room(sizeBytes: number): Buffer {
    while (this.#size + sizeBytes > this.#bytes.length) {
      this.#bytes = Buffer.concat([this.#bytes, Buffer.alloc(this.#bytes.length)]);
    }
    return this.#bytes;
  }
}

function toBytes(values: Uint16Array): Uint8Array {
  return new Uint8Array(values.buffer);
}

function widen(values: Uint16Array): Float32Array {
  const bits = Uint32Array.from(values, (word) => word << 16);
  return new Float32Array(bits.buffer);
}

function toFloat32(values: Uint16Array): Uint8Array {
  return new Uint8Array(widen(values).buffer);
}

/** Blocks of 32: scale as f16, then signed bytes. */
function toQ8(values: Uint16Array): Uint8Array {
  const weights = widen(values);
  const blockCount = weights.length / 32;
  const bytes = new Uint8Array(34 * blockCount);
  const view = new DataView(bytes.buffer);
  for (let block = 0; block < blockCount; block++) {
    let largest = 0;
    for (let i = 32 * block; i < 32 * block + 32; i++) {
      largest = Math.max(largest, Math.abs(weights[i]!));
    }
    const scale = largest / 127;
    view.setUint16(34 * block, toFloat16(scale), true);
    const inverse = scale === 0 ? 0 : 1 / scale;
    for (let i = 0; i < 32; i++) {
      view.setInt8(34 * block + 2 + i, Math.round(weights[32 * block + i]! * inverse));
    }
  }
  return bytes;
}

const float = new Float32Array(1);
const floatBits = new Uint32Array(float.buffer);

/** Of a positive number in the normal range of f16. */
function toFloat16(value: number): number {
  float[0] = value;
  const bits = floatBits[0]!;
  const exponent = ((bits >>> 23) & 255) - 112;
  return exponent <= 0 ? 0 : (exponent << 10) + ((((bits >>> 12) & 0x7ff) + 1) >>> 1);
}
