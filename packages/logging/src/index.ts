export {
  createLogger,
  createProgramLogger,
  type Logger,
  type LoggerOptions,
  type LogSettings,
} from "./create-logger.ts";
export { type LogFilter, type LogLevel, logLevels, parseLogFilter } from "./log-filter.ts";
