import { z } from "zod";
import { option } from "../option/option-meta.ts";

const models = "Models";
const processing = "Processing";
const service = "Service";

const toggle = (description: string, env: string, value = false) =>
  option(description, z.boolean().default(value), { env, group: processing });

/** What a frontend does with requests, besides routing them. */
export const frontendOptions = z.object({
  interactive: option("Chat in the terminal.", z.boolean().default(false), {
    env: "DYN_INTERACTIVE",
    short: "i",
    group: service,
  }),
  namespace: option("Serve models of this namespace only.", z.string().min(1).optional(), {
    env: "DYN_NAMESPACE",
    group: models,
  }),
  namespacePrefix: option(
    "Serve models of all namespaces that begin so; wins over --namespace.",
    z.string().min(1).optional(),
    { env: "DYN_NAMESPACE_PREFIX", group: models },
  ),
  modelName: option("Name of the model, instead of its card's.", z.string().optional(), {
    env: "DYN_MODEL_NAME",
    group: models,
    placeholder: "NAME",
  }),
  modelPath: option("Files of the model, instead of its card's.", z.string().optional(), {
    env: "DYN_MODEL_PATH",
    group: models,
    placeholder: "PATH",
  }),
  kvCacheBlockSize: option(
    "Tokens in a block, instead of the card's.",
    z.number().int().min(1).optional(),
    {
      env: "DYN_KV_CACHE_BLOCK_SIZE",
      group: models,
    },
  ),
  metricsPrefix: option(
    "First part of the names of metrics.",
    z.string().min(1).default("dynamo_frontend"),
    {
      env: "DYN_METRICS_PREFIX",
      group: service,
    },
  ),
  kserveGrpcServer: option("Serve KServe's gRPC instead of HTTP.", z.boolean().default(false), {
    env: "DYN_KSERVE_GRPC_SERVER",
    group: service,
  }),
  grpcMetricsPort: option(
    "Port of the metrics beside gRPC.",
    z.number().int().min(0).max(65535).default(8788),
    {
      env: "DYN_GRPC_METRICS_PORT",
      group: service,
    },
  ),
  frontendRouteExtension: option("Module that adds routes.", z.array(z.string()).default([]), {
    env: "DYN_FRONTEND_ROUTE_EXTENSIONS",
    list: "repeat",
    group: service,
    placeholder: "NAME",
  }),
  dynChatProcessor: option(
    "What turns chats into tokens and back.",
    z.enum(["dynamo", "vllm", "sglang"]).default("dynamo"),
    {
      env: "DYN_CHAT_PROCESSOR",
      group: processing,
    },
  ),
  toolCallParser: option("Tool parser of the sglang chat processor.", z.string().optional(), {
    group: processing,
    placeholder: "NAME",
  }),
  reasoningParser: option("Reasoning parser of the sglang chat processor.", z.string().optional(), {
    group: processing,
    placeholder: "NAME",
  }),
  chatTemplate: option("Template of the sglang chat processor.", z.string().optional(), {
    group: processing,
    placeholder: "FILE",
  }),
  dynPreprocessWorkers: option(
    "Processes of the vllm or sglang chat processor.",
    z.number().int().min(0).default(0),
    {
      env: "DYN_PREPROCESS_WORKERS",
      group: processing,
    },
  ),
  dynDebugPerf: toggle("Log how long the vllm or sglang chat processor takes.", "DYN_DEBUG_PERF"),
  tokenizer: option(
    "Tokenizer library.",
    z.enum(["default", "fastokens", "basetenkenizer"]).default("default"),
    {
      env: "DYN_TOKENIZER",
      group: processing,
    },
  ),
  tokenizerFallback: toggle(
    "Take the default tokenizer for models that the chosen one does not know.",
    "DYN_TOKENIZER_FALLBACK",
    true,
  ),
  tokenizerCache: option(
    "Keep the ids of prompts' parts, so that a chat that goes on has only its last turn tokenized.",
    z.boolean().default(true),
    { env: "DYN_TOKENIZER_CACHE", envOnly: true, group: processing },
  ),
  tokenizerCacheBytes: option(
    "Most memory of each model's tokenizer cache, in bytes; the parts used least recently go first.",
    z
      .number()
      .int()
      .min(0)
      .default(64 * 1024 * 1024),
    { env: "DYN_TOKENIZER_CACHE_BYTES", envOnly: true, humanInteger: true, group: processing },
  ),
  tokenizerCacheExtend: option(
    "Keep what follows a known beginning, too.",
    z.boolean().default(true),
    {
      env: "DYN_TOKENIZER_CACHE_EXTEND",
      envOnly: true,
      noEffect: "every part of a prompt is kept by itself, wherever it stands.",
      group: processing,
    },
  ),
  trustRemoteCode: option("Allow code that comes with a model.", z.boolean().default(false), {
    env: "DYN_TRUST_REMOTE_CODE",
    group: processing,
    noEffect: "no code that comes with a model is ever run.",
  }),
  excludeToolsWhenToolChoiceNone: toggle(
    "Leave the tools out of the prompt when a request says tool_choice none.",
    "DYN_EXCLUDE_TOOLS_WHEN_TOOL_CHOICE_NONE",
    true,
  ),
  reasoningFieldName: option(
    "Field of the answer that holds the thinking.",
    z.enum(["reasoning_content", "reasoning"]).default("reasoning_content"),
    { env: "DYN_REASONING_FIELD_NAME", group: processing },
  ),
  enableAnthropicApi: toggle("Serve /v1/messages.", "DYN_ENABLE_ANTHROPIC_API"),
  stripAnthropicPreamble: toggle(
    "Cut the fixed beginning of Anthropic clients' prompts.",
    "DYN_STRIP_ANTHROPIC_PREAMBLE",
    true,
  ),
  enableStreamingToolDispatch: toggle(
    "Send a tool call's event as soon as it is whole.",
    "DYN_ENABLE_STREAMING_TOOL_DISPATCH",
  ),
  enableStreamingReasoningDispatch: toggle(
    "Send the thinking's event as soon as it is whole.",
    "DYN_ENABLE_STREAMING_REASONING_DISPATCH",
  ),
  requestTemplate: option(
    "JSON file with model, temperature and max_completion_tokens for requests that say nothing of them.",
    z.string().optional(),
    { env: "DYN_REQUEST_TEMPLATE", group: processing, placeholder: "FILE" },
  ),
  migrationLimit: option(
    "How often a request may move to another worker when its own dies; 0: never.",
    z.number().int().min(0).default(0),
    { env: "DYN_MIGRATION_LIMIT", group: processing },
  ),
  migrationMaxSeqLen: option(
    "Longest sequence that moves, in tokens.",
    z.number().int().min(1).optional(),
    {
      env: "DYN_MIGRATION_MAX_SEQ_LEN",
      group: processing,
    },
  ),
  parserVersion: option("Generation of the parsers.", z.enum(["auto", "1", "2"]).default("auto"), {
    env: "DYN_PARSER_VERSION",
    envOnly: true,
    group: processing,
  }),
});
