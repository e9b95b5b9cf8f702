export {
  createLogger,
  createLoggerFromEnv,
  type Logger,
  type LoggerOptions,
} from "./create-logger.ts";
export { type LogFilter, type LogLevel, logLevels, parseLogFilter } from "./log-filter.ts";
