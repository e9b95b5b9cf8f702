import type { FrontendConcerns, SupportedOptions } from "@dyn/args";

/** The options that this frontend acts on; any other that is set is refused at start. */
export const supportedOptions: SupportedOptions<FrontendConcerns> = {
  http: [
    "host",
    "port",
    "workers",
    "tlsCertPath",
    "tlsKeyPath",
    "tlsClientCaCertPath",
    "bodyLimitMb",
    "gracefulShutdownTimeoutSecs",
    "sseKeepAliveIntervalMs",
    "disableNvext",
    "ignoreUnsupportedFields",
    "forceIncludeUsage",
    "contextWindow",
    "maxOutputTokens",
  ],
  door: true,
  frontend: [
    "namespace",
    "namespacePrefix",
    "modelPath",
    "dynChatProcessor",
    "toolCallParser",
    "reasoningParser",
    "chatTemplate",
    "migrationLimit",
    "migrationMaxSeqLen",
    "reasoningFieldName",
    "enableAnthropicApi",
    "stripAnthropicPreamble",
    "excludeToolsWhenToolChoiceNone",
  ],
  runtime: true,
  router: ["routerMode"],
  process: [
    "dynLog",
    "loggingJsonl",
    "loggingConsoleFormat",
    "disableAnsiLogging",
    "logUseLocalTz",
    "dumpConfigTo",
    // Set for a whole fleet, it has nothing to wait for here: a frontend serves no endpoints.
    "gracefulShutdownTimeout",
  ],
};
