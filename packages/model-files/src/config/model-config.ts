export type ModelFamily = "llama" | "qwen2" | "qwen3" | "mistral";

/** Rotary position settings, from either spelling (`rope_theta` + `rope_scaling`, or `rope_parameters`). */
export interface RopeConfig {
  readonly theta: number;
  readonly scaling:
    | { readonly type: "none" }
    | { readonly type: "linear"; readonly factor: number }
    | {
        readonly type: "llama3";
        readonly factor: number;
        readonly lowFreqFactor: number;
        readonly highFreqFactor: number;
        readonly originalContextLength: number;
      }
    | {
        readonly type: "yarn";
        readonly factor: number;
        readonly betaFast: number;
        readonly betaSlow: number;
        readonly originalContextLength: number;
        /** Scales cos and sin. */
        readonly attentionFactor: number;
      };
}

/** A dense decoder-only model, from config.json (and generation_config.json), normalised. */
export interface ModelConfig {
  readonly family: ModelFamily;
  readonly architecture: string;
  readonly hiddenSize: number;
  readonly layerCount: number;
  readonly headCount: number;
  readonly kvHeadCount: number;
  readonly headDim: number;
  readonly intermediateSize: number;
  readonly vocabSize: number;
  readonly rmsNormEps: number;
  readonly rope: RopeConfig;
  readonly tieWordEmbeddings: boolean;
  /** q, k and v projections have a bias (Qwen2). */
  readonly qkvBias: boolean;
  /** The output projection of attention has a bias (some Llama variants). */
  readonly outputBias: boolean;
  /** The MLP projections have biases (some Llama variants). */
  readonly mlpBias: boolean;
  /** q and k are normalised per head before rotation (Qwen3). */
  readonly qkNorm: boolean;
  /** Tokens that a position can look back; `null` = all. */
  readonly slidingWindow: number | null;
  readonly contextLength: number;
  /** Of the checkpoint. */
  readonly dtype: "float32" | "float16" | "bfloat16";
  readonly bosTokenId: number | null;
  /** From generation_config.json where it says, else config.json. */
  readonly eosTokenIds: readonly number[];
  /** Sampling defaults that the model ships. */
  readonly generation: {
    readonly temperature?: number;
    readonly topP?: number;
    readonly topK?: number;
    readonly minP?: number;
    readonly repetitionPenalty?: number;
  };
}
