// Names of tensors in Hugging Face checkpoints of the four families, and the linear layers they form.
import type { ModelConfig } from "@dyn/model-files";

/** One linear layer: y = x Wᵀ + b, with W [outputSize, inputSize] as stored. */
export interface Projection {
  readonly weight: string;
  readonly bias: string | null;
  readonly outputSize: number;
}

/** Projections of one input, side by side. */
export interface ProjectionGroup {
  readonly inputSize: number;
  readonly projections: readonly Projection[];
}

export interface LayerTensors {
  readonly inputNorm: string;
  readonly qkv: ProjectionGroup;
  readonly qNorm: string;
  readonly kNorm: string;
  readonly attentionOutput: ProjectionGroup;
  readonly mlpNorm: string;
  readonly gateUp: ProjectionGroup;
  readonly down: ProjectionGroup;
}

export const embeddingTensor = "model.embed_tokens.weight";
export const finalNormTensor = "model.norm.weight";

export function layerTensors(config: ModelConfig, layer: number): LayerTensors {
  const prefix = `model.layers.${layer}`;
  const attention = `${prefix}.self_attn`;
  const qSize = config.headCount * config.headDim;
  const kvSize = config.kvHeadCount * config.headDim;
  const group = (
    inputSize: number,
    hasBias: boolean,
    ...sizes: (readonly [string, number])[]
  ): ProjectionGroup => ({
    inputSize,
    projections: sizes.map(([name, outputSize]) => ({
      weight: `${name}.weight`,
      bias: hasBias ? `${name}.bias` : null,
      outputSize,
    })),
  });
  const hidden = config.hiddenSize;
  const inner = config.intermediateSize;
  return {
    inputNorm: `${prefix}.input_layernorm.weight`,
    qkv: group(
      hidden,
      config.qkvBias,
      [`${attention}.q_proj`, qSize],
      [`${attention}.k_proj`, kvSize],
      [`${attention}.v_proj`, kvSize],
    ),
    qNorm: `${attention}.q_norm.weight`,
    kNorm: `${attention}.k_norm.weight`,
    attentionOutput: group(qSize, config.outputBias, [`${attention}.o_proj`, hidden]),
    mlpNorm: `${prefix}.post_attention_layernorm.weight`,
    gateUp: group(
      hidden,
      config.mlpBias,
      [`${prefix}.mlp.gate_proj`, inner],
      [`${prefix}.mlp.up_proj`, inner],
    ),
    down: group(inner, config.mlpBias, [`${prefix}.mlp.down_proj`, hidden]),
  };
}

/** The vocabulary head; tied models use the embedding. */
export function headTensors(config: ModelConfig): ProjectionGroup {
  const weight = config.tieWordEmbeddings ? embeddingTensor : "lm_head.weight";
  return {
    inputSize: config.hiddenSize,
    projections: [{ weight, bias: null, outputSize: config.vocabSize }],
  };
}

/** Every group of linear layers, in the order of execution. */
export function projectionGroups(config: ModelConfig): ProjectionGroup[] {
  const groups: ProjectionGroup[] = [];
  for (let layer = 0; layer < config.layerCount; layer++) {
    const { qkv, attentionOutput, gateUp, down } = layerTensors(config, layer);
    groups.push(qkv, attentionOutput, gateUp, down);
  }
  groups.push(headTensors(config));
  return groups;
}
