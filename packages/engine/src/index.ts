export type { Engine, EngineInfo, EngineMetrics } from "./contract/engine.ts";
export type {
  FinishReason,
  GenerateOutput,
  TokenLogprobs,
  TokenUsage,
} from "./contract/engine-output.ts";
export type {
  Executor,
  ExecutorInfo,
  ForwardBatch,
  RowSampling,
  StepResult,
} from "./contract/executor.ts";
export type { GenerateRequest, ResumedChoice, SamplerState } from "./contract/generate-request.ts";
export type { BlockHash, KvEvent, KvEventBatch } from "./contract/kv-event.ts";
export { defaultSamplingParams, type SamplingParams } from "./contract/sampling-params.ts";
