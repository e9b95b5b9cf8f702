export {
  createOnnxEmbeddingEngine,
  type OnnxEmbeddingEngineOptions,
} from "./embedding/create-onnx-embedding-engine.ts";
export type { EmbeddingModelOptions } from "./embedding/load-embedding-model.ts";
export { createOnnxEngine } from "./engine/create-onnx-engine.ts";
export type { OnnxEngine } from "./engine/onnx-engine.ts";
export type { OnnxEngineOptions } from "./engine/onnx-engine-options.ts";
export { createKvStore, type KvStoreOptions } from "./executor/create-kv-store.ts";
export { createOnnxExecutor, type OnnxExecutorOptions } from "./executor/create-onnx-executor.ts";
export type { LoadPhase } from "./executor/load-phase.ts";
