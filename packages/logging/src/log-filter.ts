import { InvalidArgumentError } from "@dyn/protocol";

export const logLevels = ["trace", "debug", "info", "warn", "error", "off"] as const;
export type LogLevel = (typeof logLevels)[number];

/** The level of a target: of the longest entry that names it or a parent (`gateway` names `gateway::sse`). */
export type LogFilter = (target: string) => LogLevel;

/**
 * Reads `info` or `info,gateway=debug,engine::onnx=off` (DYN_LOG).
 * Throws an InvalidArgumentError that names the entry.
 */
export function parseLogFilter(text: string): LogFilter {
  let base: LogLevel = "info";
  const targets: { readonly target: string; readonly level: LogLevel }[] = [];
  for (const entry of text.split(",").map((part) => part.trim())) {
    if (entry === "") continue;
    const [first = "", second, ...rest] = entry.split("=");
    const level = toLevel(second ?? first);
    if (level === null || rest.length > 0) {
      throw new InvalidArgumentError(
        `The log filter entry ${JSON.stringify(entry)} is neither a level nor target=level. Levels: ${logLevels.join(", ")}.`,
        { code: "DYN_LOG_BAD_FILTER" },
      );
    }
    if (second === undefined) base = level;
    else targets.push({ target: first, level });
  }
  targets.sort((a, b) => b.target.length - a.target.length);
  return (target) => {
    const match = targets.find(
      (entry) => target === entry.target || target.startsWith(`${entry.target}::`),
    );
    return match?.level ?? base;
  };
}

function toLevel(text: string): LogLevel | null {
  const lower = text.toLowerCase();
  return logLevels.find((level) => level === lower) ?? null;
}
