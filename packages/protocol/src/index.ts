export {
  AnthropicAnswer,
  AnthropicErrorBody,
  AnthropicStopReason,
  AnthropicUsage,
} from "./anthropic/message.ts";
export {
  type AnthropicContentBlock,
  type AnthropicMessage,
  type AnthropicTool,
  CountTokensRequest,
  MessagesRequest,
} from "./anthropic/messages-request.ts";
export {
  BootstrapInfo,
  BootstrapRoom,
  DisaggregatedParams,
  fakeBootstrapHost,
} from "./engine/bootstrap-info.ts";
export { ChoiceField, readChoiceField, splitChoices } from "./engine/choice-field.ts";
export { EmbeddingItem, PreprocessedEmbeddingRequest } from "./engine/embedding.ts";
export {
  CompletionUsage,
  EngineOutputItem,
  TopLogprob,
} from "./engine/engine-output.ts";
export {
  DisaggregatedHealthPayload,
  EmbeddingHealthPayload,
  ImageHealthPayload,
  RerankHealthPayload,
  TextHealthPayload,
  TokenHealthPayload,
  VideoHealthPayload,
} from "./engine/health-payload.ts";
export {
  GuidedDecoding,
  OutputOptions,
  PreprocessedRequest,
  Routing,
  SamplingOptions,
  StopConditions,
  TokenIds,
} from "./engine/preprocessed-request.ts";
export {
  ResumeField,
  readResumeField,
  resumedMark,
  withResumeField,
} from "./engine/resume-field.ts";
export { readTokenRules, TokenRules } from "./engine/token-rules.ts";
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
export { toJsonSchema } from "./json-schema/to-json-schema.ts";
export { ImageEditForm, ImageEditRequest, ImageList, ImageRequest } from "./media/image-request.ts";
export { Video, VideoForm, VideoRequest } from "./media/video-request.ts";
export { cardToChecksum, contentChecksum } from "./model/card-checksum.ts";
export { cardToWire, nameToSlug, type WireCard, wireToCard } from "./model/card-to-wire.ts";
export {
  compareHandOverTerms,
  compareKvTerms,
  HandOverTerms,
  KvTerms,
} from "./model/hand-over-terms.ts";
export { CardFile, CardFiles, ModelCard, ModelType, WorkerType } from "./model/model-card.ts";
export {
  ChatCompletion,
  ChatCompletionChunk,
  ChatLogprobs,
  ChatTokenLogprob,
  OpenAIFinishReason,
  PromptLogprob,
} from "./openai/chat-completion.ts";
export { ChatCompletionRequest } from "./openai/chat-completion-request.ts";
export { ChatMessage, ContentPart } from "./openai/chat-message.ts";
export { ChatTool } from "./openai/chat-tools.ts";
export { CompletionRequest, Prompt } from "./openai/completion-request.ts";
export { EmbeddingInput, EmbeddingList, EmbeddingRequest } from "./openai/embedding-request.ts";
export { OpenAIErrorBody } from "./openai/error-body.ts";
export { ModelList, ModelObject } from "./openai/model-list.ts";
export { Nvext } from "./openai/nvext.ts";
export { RerankList, RerankRequest } from "./openai/rerank-request.ts";
export {
  type ResponsesContentPart,
  type ResponsesItem,
  ResponsesRequest,
  type ResponsesTool,
} from "./openai/responses-request.ts";
export { SamplingRequest } from "./openai/sampling-fields.ts";
export { ClassifyRequest, PoolingRequest, ScoreList } from "./openai/scoring-request.ts";
export { TextCompletion, TextLogprobs } from "./openai/text-completion.ts";
export { DetokenizeRequest, TokenizeRequest } from "./openai/tokenize-request.ts";
export { SglangGenerateChunk, SglangGenerateRequest } from "./sglang/generate-request.ts";
export { VllmGenerateAnswer, VllmGenerateRequest } from "./vllm/generate-request.ts";
export { Float32, Float64, Uuid } from "./wire/number-kinds.ts";
export { requestToWire } from "./wire/request-to-wire.ts";
