import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { RunArgs, ValueSource } from "../command/command.ts";
import { builtinConcern, compileCommand } from "../command/define-command.ts";
import { loadYaml } from "../parse/load-yaml.ts";
import { secretMask } from "./format-value.ts";

/** The configuration in force as plain data: what `--dump-config-to` writes. */
export interface ConfigDump {
  readonly command: string;
  readonly version: string;
  /** By concern and field; unset options are null, secrets masked. */
  readonly config: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** By concern and field: `flag --tp`, `env DYN_NAMESPACE`, `default`. */
  readonly sources: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly notices: readonly string[];
}

/** Gathers a dump; keys are sorted, so that two dumps can be compared line by line. */
export function createConfigDump(args: RunArgs): ConfigDump {
  const config: Record<string, Record<string, unknown>> = {};
  const sources: Record<string, Record<string, string>> = {};
  const specs = compileCommand(args.command).specs.toSorted(
    (a, b) => compare(a.concern, b.concern) || compare(a.field, b.field),
  );
  for (const { concern, field, meta } of specs) {
    if (concern === builtinConcern) continue;
    const value = args.values[concern]?.[field] ?? null;
    config[concern] = {
      ...config[concern],
      [field]: meta.secret && value !== null ? secretMask : value,
    };
    const source = (args.sources[concern] as Record<string, ValueSource>)[field];
    sources[concern] = {
      ...sources[concern],
      [field]: source === undefined ? "" : `${source.kind} ${source.detail}`.trimEnd(),
    };
  }
  const { name, version } = args.command;
  return { command: name, version, config, notices: args.notices, sources };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/**
 * Writes a dump to a file, as YAML when its name ends so, else as JSON; makes the folders it needs.
 * A configuration that cannot be written down must not stop a server: the failure is returned, not thrown.
 */
export function writeConfigDump(path: string, dump: ConfigDump): Error | undefined {
  try {
    const text = /\.ya?ml$/.test(path) ? loadYaml().stringify(dump) : `${JSON.stringify(dump)}\n`;
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    return undefined;
  } catch (error) {
    return new Error(`--dump-config-to ${path}: the configuration could not be written.`, {
      cause: error,
    });
  }
}
