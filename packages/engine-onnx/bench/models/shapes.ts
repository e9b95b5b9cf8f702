/** Decoder shapes of the benchmarks, in the words of config.json. Qwen3 blocks, tied head. */
export interface ModelShape {
  readonly num_hidden_layers: number;
  readonly hidden_size: number;
  readonly num_attention_heads: number;
  readonly num_key_value_heads: number;
  readonly head_dim: number;
  readonly intermediate_size: number;
  readonly vocab_size: number;
}

export const shapes = {
  "qwen3-0.6b": {
    num_hidden_layers: 28,
    hidden_size: 1024,
    num_attention_heads: 16,
    num_key_value_heads: 8,
    head_dim: 128,
    intermediate_size: 3072,
    vocab_size: 151936,
  },
  small: {
    num_hidden_layers: 8,
    hidden_size: 512,
    num_attention_heads: 8,
    num_key_value_heads: 4,
    head_dim: 64,
    intermediate_size: 1536,
    vocab_size: 8192,
  },
} as const satisfies Record<string, ModelShape>;

export type ShapeName = keyof typeof shapes;

export const ropeTheta = 1_000_000;
export const rmsNormEps = 1e-6;
export const contextLength = 8192;

export interface ShapeTensor {
  readonly name: string;
  readonly shape: readonly number[];
}

/** Tensors in Hugging Face's names; norms have one dimension. */
export function shapeTensors(shape: ModelShape): ShapeTensor[] {
  const hidden = shape.hidden_size;
  const q = shape.num_attention_heads * shape.head_dim;
  const kv = shape.num_key_value_heads * shape.head_dim;
  const tensors: ShapeTensor[] = [];
  const add = (name: string, ...dimensions: number[]) => tensors.push({ name, shape: dimensions });
  add("model.embed_tokens.weight", shape.vocab_size, hidden);
  for (let layer = 0; layer < shape.num_hidden_layers; layer++) {
    const prefix = `model.layers.${layer}`;
    add(`${prefix}.input_layernorm.weight`, hidden);
    add(`${prefix}.self_attn.q_proj.weight`, q, hidden);
    add(`${prefix}.self_attn.k_proj.weight`, kv, hidden);
    add(`${prefix}.self_attn.v_proj.weight`, kv, hidden);
    add(`${prefix}.self_attn.q_norm.weight`, shape.head_dim);
    add(`${prefix}.self_attn.k_norm.weight`, shape.head_dim);
    add(`${prefix}.self_attn.o_proj.weight`, hidden, q);
    add(`${prefix}.post_attention_layernorm.weight`, hidden);
    add(`${prefix}.mlp.gate_proj.weight`, shape.intermediate_size, hidden);
    add(`${prefix}.mlp.up_proj.weight`, shape.intermediate_size, hidden);
    add(`${prefix}.mlp.down_proj.weight`, hidden, shape.intermediate_size);
  }
  add("model.norm.weight", hidden);
  return tensors;
}
