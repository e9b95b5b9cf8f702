export {
  createGenerateRequest,
  type GenerateRequestFields,
} from "./contract/create-generate-request.ts";
export type {
  DisaggregationMode,
  EngineDisaggregation,
  HandOverMetrics,
  RequestDisaggregation,
} from "./contract/disaggregation.ts";
export type { Engine, EngineInfo, EngineMetrics } from "./contract/engine.ts";
export {
  type EngineCommand,
  type EngineControlState,
  type MemoryTag,
  memoryTags,
  type PauseMode,
  type ProfileOptions,
  type WeightSource,
} from "./contract/engine-control.ts";
export type {
  FinishReason,
  GenerateOutput,
  RequestTiming,
  TokenLogprobs,
  TokenUsage,
} from "./contract/engine-output.ts";
export type {
  Executor,
  ExecutorInfo,
  ForwardBatch,
  ReplaceableWeights,
  RowSampling,
  StepResult,
} from "./contract/executor.ts";
export type {
  GenerateRequest,
  RequestGrammar,
  ResumedChoice,
  SamplerState,
  ThinkingBudget,
} from "./contract/generate-request.ts";
export type { BlockHash, KvEvent, KvEventBatch } from "./contract/kv-event.ts";
export type { KvLayout, KvMoved, KvStore } from "./contract/kv-store.ts";
export type {
  HandOver,
  KvTransfer,
  KvTransferPort,
  LeaseEnd,
  MessageFromKvTransfer,
  MessageToKvTransfer,
} from "./contract/kv-transfer.ts";
export { defaultSamplingParams, type SamplingParams } from "./contract/sampling-params.ts";
export type { EngineOptions } from "./core/engine-options.ts";
export { createLocalEngine } from "./core/local-engine.ts";
export type { TokenDecoder } from "./core/token-decoder.ts";
export {
  createEmbeddingEngine,
  type EmbeddingEngineOptions,
} from "./embedding/create-embedding-engine.ts";
export type {
  EmbeddingEngine,
  EmbeddingEngineInfo,
  EmbeddingMetrics,
  EmbeddingRequest,
} from "./embedding/embedding-engine.ts";
export type {
  EmbeddingBatch,
  EmbeddingExecutor,
  EmbeddingExecutorInfo,
} from "./embedding/embedding-executor.ts";
export { createMockEngine } from "./mock/create-mock-engine.ts";
export { MockExecutor } from "./mock/mock-executor.ts";
export type {
  MockEngineOptions,
  MockExecutorOptions,
  MockThreadOptions,
} from "./mock/mock-options.ts";
export { startMockEngine } from "./mock/start-mock-engine.ts";
export { createRankedEngine, RankedEngine } from "./ranks/ranked-engine.ts";
export { createSampler, type SampledToken, type Sampler } from "./sampler/sampler.ts";
export {
  createSamplerSequence,
  type SamplerSequence,
  type SamplerSequenceOptions,
  type SequenceGrammar,
} from "./sampler/sampler-sequence.ts";
export { deriveSeed, drawSeed } from "./sampler/seed.ts";
export {
  type SamplingLimits,
  validateSamplingParams,
} from "./sampler/validate-sampling-params.ts";
export { type PolicyName, policyNames } from "./scheduler/policy/schedule-policy.ts";
export { defaultSchedulerOptions, type SchedulerOptions } from "./scheduler/scheduler-options.ts";
export { type ConnectablePort, connectEngine } from "./thread/connect-engine.ts";
export { serveEngine } from "./thread/serve-engine.ts";
