import type { RunArgs, ValueSource } from "../command/command.ts";
import { compileCommand } from "../command/define-command.ts";
import { formatValue } from "./format-value.ts";

/** Every option with its value and where the value came from, one line each; secrets masked. */
export function explainConfig(args: RunArgs): string {
  const rows = compileCommand(args.command).specs.map((spec) => {
    const value = args.values[spec.concern]?.[spec.field];
    const source = (args.sources[spec.concern] as Record<string, ValueSource> | undefined)?.[
      spec.field
    ];
    const name = spec.meta.envOnly ? (spec.meta.env ?? spec.flag) : `--${spec.flag}`;
    const from = source === undefined ? "" : `${source.kind} ${source.detail}`.trimEnd();
    return [name, formatValue(spec, value) || "-", from] as const;
  });
  const nameWidth = Math.max(...rows.map(([name]) => name.length));
  const valueWidth = Math.min(40, Math.max(...rows.map(([, value]) => value.length)));
  const lines = rows.map(
    ([name, value, from]) => `${name.padEnd(nameWidth)}  ${value.padEnd(valueWidth)}  ${from}`,
  );
  return `${lines.join("\n")}\n`;
}
