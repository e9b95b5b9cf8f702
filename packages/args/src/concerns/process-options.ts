import { z } from "zod";
import { option } from "../option/option-meta.ts";

const log = "Logging";
const traces = "Traces";

/** What every process has, whatever it serves: its log and its shutdown. */
export const processOptions = z.object({
  dynLog: option(
    "Log level, or filters by target: info, debug, runtime=trace,info.",
    z.string().default("info"),
    { env: "DYN_LOG", envOnly: true, group: log },
  ),
  loggingJsonl: option("Write the log as lines of JSON.", z.boolean().default(false), {
    env: "DYN_LOGGING_JSONL",
    envOnly: true,
    group: log,
  }),
  loggingConsoleFormat: option(
    "Form of the log: readable, or jsonl for lines of JSON.",
    z.enum(["readable", "jsonl"]).default("readable"),
    { env: "DYN_LOGGING_CONSOLE_FORMAT", envOnly: true, group: log },
  ),
  disableAnsiLogging: option("Write the log without colours.", z.boolean().default(false), {
    env: "DYN_SDK_DISABLE_ANSI_LOGGING",
    envOnly: true,
    group: log,
  }),
  logUseLocalTz: option(
    "Write times in the local time zone instead of UTC.",
    z.boolean().default(false),
    {
      env: "DYN_LOG_USE_LOCAL_TZ",
      envOnly: true,
      group: log,
    },
  ),
  otelExportEnabled: option(
    "Send traces to an OpenTelemetry collector.",
    z.boolean().default(false),
    {
      env: "OTEL_EXPORT_ENABLED",
      envOnly: true,
      group: traces,
    },
  ),
  otelExporterOtlpEndpoint: option(
    "Address of the collector; without it port 4317 (grpc) or 4318 (http/protobuf) of this machine. Over HTTP /v1/traces is added.",
    z.string().optional(),
    { env: "OTEL_EXPORTER_OTLP_ENDPOINT", envOnly: true, group: traces },
  ),
  otelExporterOtlpTracesEndpoint: option(
    "The same for traces alone, taken as it is.",
    z.string().optional(),
    { env: "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", envOnly: true, group: traces },
  ),
  otelExporterOtlpProtocol: option(
    "How traces travel.",
    z.enum(["grpc", "http/protobuf"]).default("grpc"),
    {
      env: "OTEL_EXPORTER_OTLP_PROTOCOL",
      envOnly: true,
      group: traces,
      retiredValues: { "http/json": "Collectors that take JSON take http/protobuf too." },
    },
  ),
  otelServiceName: option(
    "Name of this process in traces; without it the program's.",
    z.string().optional(),
    { env: "OTEL_SERVICE_NAME", envOnly: true, group: traces },
  ),
  otelTracesSampleRatio: option(
    "Part of the traces begun here that are sent, from 0 to 1; a request that comes with a trace keeps what was decided there.",
    z.number().min(0).max(1).default(1),
    { env: "OTEL_TRACES_SAMPLE_RATIO", envOnly: true, group: traces },
  ),
  gracefulShutdownTimeout: option(
    "Seconds that running requests have at shutdown.",
    z.number().min(0).default(900),
    { env: "DYN_RUNTIME_GRACEFUL_SHUTDOWN_TIMEOUT_SECS", envOnly: true, group: "Shutdown" },
  ),
  dumpConfigTo: option(
    "Write the configuration in force to this file at start (JSON, or YAML by its ending); secrets masked.",
    z.string().optional(),
    { env: "DYN_DUMP_CONFIG_TO", group: "General", placeholder: "FILE" },
  ),
});
