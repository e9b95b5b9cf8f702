export { loadModelConfig } from "./config/load-model-config.ts";
export type { ModelConfig, ModelFamily, RopeConfig } from "./config/model-config.ts";
export { ModelFileError, type ModelFileErrorCode } from "./files/model-file-error.ts";
export { openCheckpoint } from "./safetensors/open-checkpoint.ts";
export { tensorDtypeSizeBytes } from "./safetensors/tensor-dtype.ts";
export type { Checkpoint, TensorDtype, TensorView } from "./safetensors/tensor-view.ts";
