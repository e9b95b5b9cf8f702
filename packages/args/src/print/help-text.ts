import type { Command } from "../command/command.ts";
import { compileCommand } from "../command/define-command.ts";
import type { OptionSpec } from "../option/option-spec.ts";
import { formatValue } from "./format-value.ts";

const leftWidth = 34;
const textWidth = 110;

/** The text of `--help`: options by group, in the order of the schemas. */
export function helpText(command: Command): string {
  const groups = new Map<string, string[]>();
  for (const spec of compileCommand(command).specs) {
    if (spec.meta.hidden) continue;
    const group = spec.meta.group ?? "Options";
    groups.set(group, [...(groups.get(group) ?? []), helpEntry(spec)]);
  }
  const usage = command.positional === undefined ? "[flags]" : `<${command.positional}> [flags]`;
  const rest = command.keepsRest ? " [-- ...]" : "";
  const blocks = [...groups].map(([group, entries]) => `${group}:\n${entries.join("\n")}`);
  return [
    `${command.summary}\n\nUsage: ${command.name} ${usage}${rest}`,
    ...blocks,
    footer(command),
  ].join("\n\n");
}

function helpEntry(spec: OptionSpec): string {
  const left = `  ${leftColumn(spec)}`;
  const shown = formatValue(spec, spec.defaultValue);
  const facts = [
    ...(shown === "" || spec.defaultValue === false ? [] : [`default ${shown}`]),
    ...(spec.required ? ["required"] : []),
    ...(spec.meta.env === undefined || spec.meta.envOnly ? [] : [spec.meta.env]),
  ];
  const text = facts.length === 0 ? spec.description : `${spec.description} [${facts.join("; ")}]`;
  const lines = wrap(text, textWidth - leftWidth - 2);
  const indent = " ".repeat(leftWidth + 2);
  const first =
    left.length <= leftWidth
      ? [`${left.padEnd(leftWidth)}  ${lines[0] ?? ""}`]
      : [left, `${indent}${lines[0] ?? ""}`];
  return [...first, ...lines.slice(1).map((line) => indent + line)].join("\n").trimEnd();
}

function leftColumn(spec: OptionSpec): string {
  if (spec.meta.envOnly) return spec.meta.env ?? spec.flag;
  const negatable = spec.kind === "boolean" && spec.defaultValue === true ? "[no-]" : "";
  const short = spec.meta.short === undefined ? "" : `-${spec.meta.short}, `;
  const names = [spec.flag, ...(spec.meta.aliases ?? [])]
    .map((name) => `--${negatable}${name}`)
    .join(", ");
  return `${short}${names}${valueColumn(spec)}`;
}

function valueColumn(spec: OptionSpec): string {
  if (spec.kind === "boolean") return "";
  const choices = spec.choices.join("|");
  const fitting = choices !== "" && choices.length <= 40 ? choices : undefined;
  const value =
    spec.meta.placeholder ?? fitting ?? placeholders[spec.kind === "json" ? "json" : spec.itemKind];
  if (spec.meta.bareValue !== undefined) return ` [${value}]`;
  return spec.kind === "list" && (spec.meta.list ?? "values") === "values"
    ? ` ${value}...`
    : ` ${value}`;
}

const placeholders = {
  string: "TEXT",
  enum: "NAME",
  integer: "N",
  number: "X",
  boolean: "BOOL",
  json: "JSON",
} as const;

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}

function footer(command: Command): string {
  const file = command.configFile === "none" ? "" : " > configuration file";
  return `Precedence: flag > environment variable${file} > default. A switch is turned off by --no-<name>.\n`;
}
