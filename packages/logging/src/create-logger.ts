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
  /** Readable times in the local time zone; default UTC. */
  readonly useLocalTime?: boolean;
  readonly destination?: { write(line: string): unknown };
  /** On every line. */
  readonly fields?: Fields;
}

/** Readable lines to stderr, from `info` on, unless told otherwise. */
export function createLogger(options: LoggerOptions): Logger {
  const { format = "readable", filter = parseLogFilter("info") } = options;
  const destination = options.destination ?? process.stderr;
  const stream = format === "jsonl" ? destination : readableStream(destination, options);
  const root = pino(
    {
      level: "trace",
      base: options.fields ?? null,
      messageKey: "message",
      errorKey: "err",
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label.toUpperCase() }) },
    },
    stream,
  );
  return createChild(root, options.target, filter);
}

/** How a program's log looks; the fields are those of the options that @dyn/args reads. */
export interface LogSettings {
  /** `info`, or `info,gateway=debug`. */
  readonly dynLog: string;
  readonly loggingJsonl: boolean;
  readonly loggingConsoleFormat: "readable" | "jsonl";
  readonly disableAnsiLogging: boolean;
  /** Readable times in the local time zone, else in UTC. */
  readonly logUseLocalTz: boolean;
}

/** A program's own log, on its standard error stream: coloured on a terminal, or when FORCE_COLOR says so. */
export function createProgramLogger(
  target: string,
  settings: LogSettings,
  env: NodeJS.ProcessEnv = process.env,
  fields: Fields = {},
): Logger {
  const isJsonl = settings.loggingJsonl || settings.loggingConsoleFormat === "jsonl";
  const isForced = env.FORCE_COLOR !== undefined && env.FORCE_COLOR !== "0";
  const color = (isForced || process.stderr.isTTY === true) && !env.NO_COLOR;
  return createLogger({
    target,
    fields,
    format: isJsonl ? "jsonl" : "readable",
    filter: parseLogFilter(settings.dynLog),
    color: color && !settings.disableAnsiLogging,
    useLocalTime: settings.logUseLocalTz,
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

function readableStream(
  destination: { write(line: string): unknown },
  { color = false, useLocalTime = false }: LoggerOptions,
) {
  return buildPretty({
    colorize: color,
    messageKey: "message",
    errorLikeObjectKeys: ["err"],
    translateTime: useLocalTime ? "SYS:HH:MM:ss.l" : "UTC:HH:MM:ss.l'Z'",
    ignore: "target",
    messageFormat: "{target}: {message}",
    singleLine: true,
    destination: destination as NodeJS.WritableStream,
    sync: true,
  });
}
