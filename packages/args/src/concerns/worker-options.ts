import { z } from "zod";
import { option } from "../option/option-meta.ts";
import { reasoningParserNames, toolCallParserNames } from "./parser-names.ts";

const identity = "Identity";
const type = "Worker type";
const text = "Parsers and templates";
const multimodal = "Multimodal";
const media = "Media output";
const service = "Service";

/** Settings of `--dyn-structural-tag` when it is given as JSON. */
const StructuralTag = z.strictObject({
  scope: z.enum(["auto", "always"]).default("always"),
  schema: z.enum(["auto", "strict"]).default("auto"),
  allow_tool_calls_with_structured_output: z.boolean().default(false),
  exclude_special_tokens: z.boolean().nullable().default(null),
  reasoning_boundary: z.enum(["auto", "structural_tag", "backend"]).default("auto"),
  tool_arguments_any_order: z.boolean().default(false),
});

/** What a worker is in a deployment: Dynamo's own options, those that no engine knows. */
export const workerOptions = z.object({
  namespace: option("Namespace of the deployment.", z.string().min(1).default("dynamo"), {
    env: "DYN_NAMESPACE",
    group: identity,
  }),
  namespaceWorkerSuffix: option("Appended to the namespace as -<suffix>.", z.string().optional(), {
    env: "DYN_NAMESPACE_WORKER_SUFFIX",
    envOnly: true,
    group: identity,
  }),
  endpoint: option(
    "namespace.component.endpoint, with or without dyn:// in front; by default it follows from the worker type.",
    z.string().optional(),
    { env: "DYN_ENDPOINT", group: identity, placeholder: "NAME" },
  ),
  componentName: option(
    "Component of the endpoint; the other two parts stay as they are.",
    z
      .string()
      .regex(/^[^.]+$/, "A component has no dot in its name")
      .optional(),
    { group: identity, placeholder: "NAME", hidden: true },
  ),
  kvStateEndpoint: option(
    "Endpoint that owns this worker's KV events and recovery state.",
    z.string().optional(),
    { env: "DYN_KV_STATE_ENDPOINT", group: identity, placeholder: "NAME" },
  ),
  endpointTypes: option(
    "What frontends offer of this model; none: nothing public.",
    z
      .array(z.enum(["chat", "completions", "none"]))
      .min(1)
      .default(["chat", "completions"]),
    { env: "DYN_ENDPOINT_TYPES", aliases: ["dyn-endpoint-types"], list: "comma", group: identity },
  ),
  embeddingWorker: option("Serve embeddings.", z.boolean().default(false), {
    env: "DYN_SGL_EMBEDDING_WORKER",
    group: type,
  }),
  rerankWorker: option(
    "Serve reranking: no cached prefixes, no chunked prefill.",
    z.boolean().default(false),
    {
      env: "DYN_SGL_RERANK_WORKER",
      group: type,
    },
  ),
  imageDiffusionWorker: option("Generate images.", z.boolean().default(false), {
    env: "DYN_SGL_IMAGE_DIFFUSION_WORKER",
    group: type,
  }),
  videoGenerationWorker: option("Generate videos.", z.boolean().default(false), {
    env: "DYN_SGL_VIDEO_GENERATION_WORKER",
    group: type,
  }),
  useSglangTokenizer: option(
    "Take chat bodies and answer text, so that the worker tokenizes and not the frontend.",
    z.boolean().default(false),
    { env: "DYN_SGL_USE_TOKENIZER", group: type },
  ),
  gatewayWorkers: option(
    "Endpoint processes that share one engine.",
    z.number().int().min(1).optional(),
    {
      env: "DYN_SGL_GATEWAY_WORKERS",
      group: type,
    },
  ),
  dynToolCallParser: option(
    "How the frontend finds tool calls in the answer.",
    z.enum(toolCallParserNames).optional(),
    {
      env: "DYN_TOOL_CALL_PARSER",
      group: text,
    },
  ),
  dynReasoningParser: option(
    "How the frontend finds the thinking in the answer.",
    z.enum(reasoningParserNames).optional(),
    { env: "DYN_REASONING_PARSER", group: text },
  ),
  dynDefaultThinkingMode: option(
    "Whether the model thinks when a request does not say.",
    z.enum(["enabled", "disabled"]).optional(),
    { env: "DYN_DEFAULT_THINKING_MODE", group: text },
  ),
  excludeToolsWhenToolChoiceNone: option(
    "Leave the tools out of the prompt when a request says tool_choice none.",
    z.boolean().default(true),
    { env: "DYN_EXCLUDE_TOOLS_WHEN_TOOL_CHOICE_NONE", group: text },
  ),
  dynStructuralTag: option(
    "Keep tool calls to their schema while they are generated: on, off, or JSON with scope, schema, reasoning_boundary, ...",
    z.union([z.boolean(), StructuralTag]).default(true),
    { env: "DYN_STRUCTURAL_TAG", bareValue: "true", group: text },
  ),
  dynEnableStructuralTag: option("Old form of --dyn-structural-tag.", z.boolean().optional(), {
    env: "DYN_ENABLE_STRUCTURAL_TAG",
    group: text,
    hidden: true,
  }),
  dynStructuralTagScope: option("Old form of its scope.", z.enum(["auto", "always"]).optional(), {
    env: "DYN_STRUCTURAL_TAG_SCOPE",
    group: text,
    hidden: true,
  }),
  dynStructuralTagSchema: option("Old form of its schema.", z.enum(["auto", "strict"]).optional(), {
    env: "DYN_STRUCTURAL_TAG_SCHEMA",
    group: text,
    hidden: true,
  }),
  customJinjaTemplate: option(
    "Chat template to use instead of the model's; ~ and $VAR are expanded.",
    z.string().optional(),
    { env: "DYN_CUSTOM_JINJA_TEMPLATE", group: text, placeholder: "FILE" },
  ),
  enableMultimodal: option("Take images and videos.", z.boolean().default(false), {
    env: "DYN_SGL_ENABLE_MULTIMODAL",
    group: multimodal,
  }),
  dedicatedMmEncoder: option(
    "This worker gets its media from an encode worker.",
    z.boolean().default(false),
    {
      env: "DYN_SGL_DEDICATED_MM_ENCODER",
      group: multimodal,
    },
  ),
  embeddingTransferMode: option(
    "How media embeddings come from the encode worker.",
    z.enum(["local", "nixl-write", "nixl-read"]).default("nixl-write"),
    { env: "DYN_SGL_EMBEDDING_TRANSFER_MODE", group: multimodal },
  ),
  frontendDecoding: option("Let the frontend fetch and decode media.", z.boolean().default(false), {
    env: "DYN_SGL_FRONTEND_DECODING",
    group: multimodal,
  }),
  multimodalEmbeddingCacheCapacityGb: option(
    "Room for media embeddings, in GB; 0: none.",
    z.number().min(0).default(0),
    {
      env: "DYN_MULTIMODAL_EMBEDDING_CACHE_CAPACITY_GB",
      group: multimodal,
    },
  ),
  multimodalEmbeddingCachePublisher: option(
    "Publish what that cache holds.",
    z.boolean().default(false),
    {
      env: "DYN_MULTIMODAL_EMBEDDING_CACHE_PUBLISHER",
      group: multimodal,
    },
  ),
  outputModalities: option(
    "What the model makes.",
    z.array(z.enum(["text", "image", "audio", "video"])).default(["text"]),
    { env: "DYN_OUTPUT_MODALITIES", emptyList: true, group: media },
  ),
  mediaOutputFsUrl: option(
    "Where made media are stored.",
    z.string().default("file:///tmp/dynamo_media"),
    {
      env: "DYN_MEDIA_OUTPUT_FS_URL",
      oldNames: ["media-fs-url", "image-diffusion-fs-url", "video-generation-fs-url", "fs-url"],
      group: media,
      placeholder: "URL",
    },
  ),
  mediaOutputHttpUrl: option("Public address of that store.", z.string().optional(), {
    env: "DYN_MEDIA_OUTPUT_HTTP_URL",
    oldNames: ["media-base-url", "image-diffusion-base-url", "http-url"],
    group: media,
    placeholder: "URL",
  }),
  connector: option("KV connectors.", z.array(z.string()).default([]), {
    env: "DYN_CONNECTOR",
    emptyList: true,
    group: service,
    hidden: true,
    noEffect: "this engine has no connectors.",
  }),
  healthCheckPayload: option(
    "Canary request, JSON or @file, instead of the worker type's own.",
    z.string().optional(),
    { env: "DYN_HEALTH_CHECK_PAYLOAD", group: service, placeholder: "JSON" },
  ),
  migrationLimit: option(
    "How often a request may move away when this worker dies; a frontend's own limit counts if it is larger.",
    z.number().int().min(0).default(0),
    { group: service },
  ),
  migrationMaxSeqLen: option(
    "Longest sequence that moves away from this worker, in tokens; a frontend's own bound counts if it has one.",
    z.number().int().min(1).optional(),
    { group: service },
  ),
  engineRequestLimit: option(
    "Requests that run at once at this endpoint; more wait.",
    z.number().int().min(1).optional(),
    {
      env: "DYN_ENGINE_REQUEST_LIMIT",
      group: service,
    },
  ),
  requestQueueLimit: option(
    "Requests that wait beyond that limit; more are refused.",
    z.number().int().min(0).default(16),
    {
      env: "DYN_DYNAMO_REQUEST_QUEUE_LIMIT",
      envOnly: true,
      group: service,
    },
  ),
  engineRoute: option(
    "Further control routes, name or name=target.",
    z.array(z.string()).default([]),
    {
      env: "DYN_SGLANG_ENGINE_ROUTES",
      list: "repeat",
      group: service,
      placeholder: "ROUTE",
    },
  ),
  enableRl: option(
    "Allow requests to upload their metadata (nvext.metadata_upload).",
    z.boolean().default(false),
    {
      env: "DYN_SGL_ENABLE_RL",
      group: service,
    },
  ),
  fpmTrace: option("Publish metrics of every forward pass.", z.boolean().default(false), {
    env: "DYN_FPM_TRACE",
    group: service,
  }),
  sglangTraceLevel: option(
    "Detail of the engine's traces.",
    z.number().int().min(1).max(4).default(2),
    {
      env: "SGLANG_TRACE_LEVEL",
      group: service,
    },
  ),
});
