import { z } from "zod";
import { option } from "../option/option-meta.ts";

const log = "Logging";

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
