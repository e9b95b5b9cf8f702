/** Where the gateway tells of what no client is told. */
export interface GatewayLogger {
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
  error(message: string, fields?: Readonly<Record<string, unknown>>): void;
}

/** One line of JSON per entry on the standard error stream. */
export const stderrLogger: GatewayLogger = {
  warn: (message, fields) => writeLine("warn", message, fields),
  error: (message, fields) => writeLine("error", message, fields),
};

function writeLine(
  level: string,
  message: string,
  fields: Readonly<Record<string, unknown>> = {},
): void {
  const time = new Date().toISOString();
  process.stderr.write(`${JSON.stringify({ time, level, message, ...fields })}\n`);
}
