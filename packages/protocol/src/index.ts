export {
  CompletionUsage,
  EngineOutputItem,
  TopLogprob,
} from "./engine/engine-output.ts";
export {
  GuidedDecoding,
  OutputOptions,
  PreprocessedRequest,
  Routing,
  SamplingOptions,
  StopConditions,
  TokenIds,
} from "./engine/preprocessed-request.ts";
export { DynError, type DynErrorOptions } from "./errors/dyn-error.ts";
export { ErrorRecord, errorToRecord, recordToError } from "./errors/error-record.ts";
export {
  CancelledError,
  DeadlineExceededError,
  InternalError,
  InvalidArgumentError,
  NotFoundError,
  OverloadedError,
  UnavailableError,
} from "./errors/error-types.ts";
export { ModelCard, ModelType } from "./model/model-card.ts";
