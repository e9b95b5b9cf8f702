export { CardFileError, type CardFileErrorCode } from "./card/card-file-error.ts";
export { type LocalizeCardOptions, localizeCard } from "./card/localize-card.ts";
export {
  type EmbeddingConfig,
  loadEmbeddingConfig,
  type PoolingMode,
} from "./config/embedding-config.ts";
export { loadModelConfig } from "./config/load-model-config.ts";
export type { ModelConfig, ModelFamily, RopeConfig } from "./config/model-config.ts";
export { ModelFileError, type ModelFileErrorCode } from "./files/model-file-error.ts";
export type { DownloadEvent, DownloadListener } from "./hub/download-progress.ts";
export { HubError, type HubErrorCode } from "./hub/hub-error.ts";
export {
  type ModelDirectory,
  type ResolveModelOptions,
  resolveModel,
} from "./hub/resolve-model.ts";
export { createTerminalProgress, type ProgressStream } from "./hub/terminal-progress.ts";
export { openCheckpoint } from "./safetensors/open-checkpoint.ts";
export { tensorDtypeSizeBytes } from "./safetensors/tensor-dtype.ts";
export type { Checkpoint, TensorDtype, TensorView } from "./safetensors/tensor-view.ts";
