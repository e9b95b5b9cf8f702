// Logs to stderr, so that stdout stays for what a program was asked to print.
import pino from "pino";
import { build as buildPretty } from "pino-pretty";
import { type LogFilter, parseLogFilter } from "./log-filter.ts";

type Fields = Readonly<Record<string, unknown>>;

export interface Logger {
  debug(message: string, fields?: Fields): void;
  info(message: string, fields?: Fields): void;
  warn(message: string, fields?: Fields): void;
  /** An Error under `err` is written with its stack and causes. */
  error(message: string, fields?: Fields): void;
  /** The same log under another target, for filters: `gateway`, `engine::onnx`. */
  child(target: string): Logger;
}

export interface LoggerOptions {
  readonly target: string;
  /** `readable` for people, `jsonl` for collectors. */
  readonly format?: "readable" | "jsonl";
  readonly filter?: LogFilter;
  readonly color?: boolean;
  readonly destination?: { write(line: string): unknown };
}

export function createLogger(options: LoggerOptions): Logger {
  const { format = "readable", filter = parseLogFilter("info") } = options;
  const destination = options.destination ?? process.stderr;
  const stream =
    format === "jsonl" ? destination : readableStream(destination, options.color ?? false);
  const root = pino(
    {
      level: "trace",
      base: null,
      messageKey: "message",
      errorKey: "err",
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label.toUpperCase() }) },
    },
    stream,
  );
  return createChild(root, options.target, filter);
}

/**
 * By DYN_LOG (filter), DYN_LOGGING_JSONL or DYN_LOGGING_CONSOLE_FORMAT=jsonl, DYN_SDK_DISABLE_ANSI_LOGGING.
 */
export function createLoggerFromEnv(target: string, env: NodeJS.ProcessEnv = process.env): Logger {
  const jsonl =
    /^(1|true|yes|on)$/i.test(env.DYN_LOGGING_JSONL ?? "") ||
    env.DYN_LOGGING_CONSOLE_FORMAT === "jsonl";
  return createLogger({
    target,
    format: jsonl ? "jsonl" : "readable",
    filter: parseLogFilter(env.DYN_LOG ?? "info"),
    color: process.stderr.isTTY === true && !env.DYN_SDK_DISABLE_ANSI_LOGGING && !env.NO_COLOR,
  });
}

function createChild(root: pino.Logger, target: string, filter: LogFilter): Logger {
  const level = filter(target);
  const logger = root.child({ target }, { level: level === "off" ? "silent" : level });
  const write =
    (name: "debug" | "info" | "warn" | "error") =>
    (message: string, fields: Fields = {}) =>
      logger[name](fields, message);
  return {
    debug: write("debug"),
    info: write("info"),
    warn: write("warn"),
    error: write("error"),
    child: (name) => createChild(root, name, filter),
  };
}

function readableStream(destination: { write(line: string): unknown }, color: boolean) {
  const pretty = buildPretty({
    colorize: color,
    messageKey: "message",
    errorLikeObjectKeys: ["err"],
    translateTime: "SYS:HH:MM:ss.l",
    ignore: "target",
    messageFormat: "{target}: {message}",
    singleLine: true,
    destination: destination as NodeJS.WritableStream,
    sync: true,
  });
  return pretty;
}
