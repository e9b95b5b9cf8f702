import { z } from "zod";
import { option } from "../option/option-meta.ts";

const group = "HTTP";

const limit = (description: string, env: string, flag: string) =>
  option(description, z.number().gt(0).optional(), { env, flag, envOnly: true, group });
const toggle = (description: string, env: string, flag: string, value = false) =>
  option(description, z.boolean().default(value), { env, flag, envOnly: true, group });

const routePath = z.string().regex(/^(\/[\w.~-]+)+$/, {
  error: "must be a path like /api/chat: a slash before each part, none at the end",
});

const route = (what: string, name: string) =>
  option(`Route of ${what}, instead of the usual one.`, routePath.optional(), {
    env: `DYN_HTTP_SVC_${name}_PATH`,
    flag: `http-svc-${name.toLowerCase().replaceAll("_", "-")}-path`,
    envOnly: true,
    hidden: true,
    group: "Routes",
  });

/** Where a frontend listens, and how it treats bodies and streams. */
export const httpOptions = z.object({
  host: option("Address to listen on.", z.string().min(1).default("0.0.0.0"), {
    env: "DYN_HTTP_HOST",
    flag: "http-host",
    group,
  }),
  port: option(
    "Port to listen on; 0: any free one.",
    z.number().int().min(0).max(65535).default(8000),
    {
      env: "DYN_HTTP_PORT",
      flag: "http-port",
      group,
    },
  ),
  workers: option(
    "Gateway processes on the port: 1 to 256, or auto: one for each core. Limits hold for all together.",
    z
      .string()
      .regex(/^(auto|[1-9]|[1-9]\d|1\d\d|2[0-4]\d|25[0-6])$/, {
        error: "must be a number from 1 to 256, or auto",
      })
      .default("1"),
    { env: "DYN_HTTP_WORKERS", flag: "http-workers", group, placeholder: "N" },
  ),
  tlsCertPath: option("Certificate: serve HTTPS.", z.string().optional(), {
    env: "DYN_TLS_CERT_PATH",
    group,
    placeholder: "FILE",
  }),
  tlsKeyPath: option("Key of the certificate.", z.string().optional(), {
    env: "DYN_TLS_KEY_PATH",
    group,
    placeholder: "FILE",
  }),
  tlsClientCaCertPath: option(
    "Authority that clients must be signed by: mutual TLS.",
    z.string().optional(),
    {
      env: "DYN_TLS_CLIENT_CA_CERT_PATH",
      group,
      placeholder: "FILE",
    },
  ),
  bodyLimitMb: option("Largest body, in MB; larger ones get 413.", z.number().gt(0).default(45), {
    env: "DYN_HTTP_BODY_LIMIT_MB",
    flag: "http-body-limit-mb",
    envOnly: true,
    group,
  }),
  overloadStatusCode: option(
    "Status when no worker has room.",
    z.number().int().min(400).max(599).default(529),
    {
      env: "DYN_HTTP_OVERLOAD_STATUS_CODE",
      flag: "http-overload-status-code",
      envOnly: true,
      group,
    },
  ),
  sseKeepAliveIntervalMs: limit(
    "Milliseconds of silence after which a stream gets a comment; not set: never.",
    "DYN_HTTP_SSE_KEEP_ALIVE_INTERVAL_MS",
    "http-sse-keep-alive-interval-ms",
  ),
  backendStreamTimeoutSecs: limit(
    "Seconds of silence of a worker after which a stream ends with 504; not set: never.",
    "DYN_HTTP_BACKEND_STREAM_TIMEOUT_SECS",
    "http-backend-stream-timeout-secs",
  ),
  prefillTimeoutSecs: limit(
    "Seconds that a prefill worker may have a prompt, its queue included; then another one is asked, or the decode worker prefills. Less than the time-out of streams, where that is set; not set: as long as it lives.",
    "DYN_HTTP_PREFILL_TIMEOUT_SECS",
    "http-prefill-timeout-secs",
  ),
  preCommitErrorPeekMs: option(
    "Milliseconds that a stream's headers wait for an early error.",
    z.number().gt(0).optional(),
    {
      env: "DYN_HTTP_PRE_COMMIT_ERROR_PEEK_MS",
      flag: "http-pre-commit-error-peek-ms",
      envOnly: true,
      noEffect:
        "a stream's status always waits for its first event or keep-alive comment, so an early error has its own.",
      group,
    },
  ),
  gracefulShutdownTimeoutSecs: option(
    "Seconds that running streams have at shutdown.",
    z.number().min(0).default(5),
    {
      env: "DYN_HTTP_GRACEFUL_SHUTDOWN_TIMEOUT_SECS",
      flag: "http-graceful-shutdown-timeout-secs",
      envOnly: true,
      group: "Shutdown",
    },
  ),
  listenBacklog: option(
    "Connections that wait to be accepted.",
    z.number().int().min(1).optional(),
    {
      env: "DYN_HTTP_LISTEN_BACKLOG",
      flag: "http-listen-backlog",
      envOnly: true,
      group,
    },
  ),
  fdLimitTarget: option(
    "Open files that the process should be allowed.",
    z.number().int().min(0).default(8192),
    {
      env: "DYN_FRONTEND_FD_LIMIT_TARGET",
      flag: "frontend-fd-limit-target",
      envOnly: true,
      group,
    },
  ),
  disableNvext: toggle(
    "Check nvext, then ignore it.",
    "DYN_DISABLE_FRONTEND_NVEXT",
    "disable-frontend-nvext",
  ),
  disableAdminApi: toggle(
    "No /busy_threshold and no /clear_kv_blocks.",
    "DYN_DISABLE_FRONTEND_ADMIN_API",
    "disable-frontend-admin-api",
  ),
  sglangGenerate: toggle(
    "Serve SGLang's own /generate: token ids in, a stream out.",
    "DYN_SGLANG_ENABLE_GENERATE",
    "sglang-enable-generate",
  ),
  vllmGenerate: toggle(
    "Serve vLLM's /inference/v1/generate: token ids in, token ids out.",
    "DYN_VLLM_ENABLE_INFERENCE_V1_GENERATE",
    "vllm-enable-inference-v1-generate",
  ),
  ignoreUnsupportedFields: toggle(
    "Tolerate body fields that are not known.",
    "DYN_IGNORE_OPENAI_FE_UNSUPPORTED_FIELDS",
    "ignore-openai-fe-unsupported-fields",
  ),
  forceIncludeUsage: toggle(
    "End every stream with a usage chunk.",
    "DYN_ENABLE_FORCE_INCLUDE_USAGE",
    "enable-force-include-usage",
  ),
  guidedToolStreaming: toggle(
    "Stream the arguments of forced tool calls.",
    "DYN_ENABLE_GUIDED_TOOL_STREAMING",
    "enable-guided-tool-streaming",
    true,
  ),
  contextWindow: option(
    "Context length that /v1/models shows.",
    z.number().int().min(1).optional(),
    {
      env: "DYN_CONTEXT_WINDOW",
      flag: "context-window",
      envOnly: true,
      group,
    },
  ),
  maxOutputTokens: option(
    "Answer length that /v1/models shows.",
    z.number().int().min(1).optional(),
    {
      env: "DYN_MAX_OUTPUT_TOKENS",
      flag: "max-output-tokens",
      envOnly: true,
      group,
    },
  ),
  chatPath: route("chat completions", "CHAT"),
  cmpPath: route("completions", "CMP"),
  embPath: route("embeddings", "EMB"),
  responsesPath: route("responses", "RESPONSES"),
  modelsPath: route("the list of models", "MODELS"),
  anthropicPath: route("Anthropic's messages", "ANTHROPIC"),
  healthPath: route("health", "HEALTH"),
  livePath: route("liveness", "LIVE"),
  metricsPath: route("metrics", "METRICS"),
  filesPath: route("files", "FILES"),
  batchesPath: route("batches", "BATCHES"),
  poolingPath: route("pooling", "POOLING"),
  classifyPath: route("classification", "CLASSIFY"),
  rerankPath: route("reranking", "RERANK"),
  sglangGeneratePath: route("SGLang's generate", "SGLANG_GENERATE"),
  vllmGeneratePath: route("vLLM's generate", "VLLM_GENERATE"),
});
