export type { ModelConfig, ModelFamily, RopeConfig } from "./config/model-config.ts";
export type { Checkpoint, TensorDtype, TensorView } from "./safetensors/tensor-view.ts";
