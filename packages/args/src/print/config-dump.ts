import { mkdirSync, writeFileSync } from "node:fs";
import { arch, availableParallelism, hostname, platform, release, totalmem } from "node:os";
import { dirname } from "node:path";
import type { Concerns, RunArgs, ValueSource } from "../command/command.ts";
import { builtinConcern, compileCommand } from "../command/define-command.ts";
import type { Environment } from "../parse/env-layer.ts";
import { loadYaml } from "../parse/load-yaml.ts";
import { secretMask } from "./format-value.ts";

/** The configuration in force as plain data: what `--dump-config-to` writes. Keys stand in order. */
export interface ConfigDump {
  readonly command: string;
  /** By concern and field; unset options are null, secrets masked. */
  readonly config: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** Variables that dyn and its libraries read, secrets masked. */
  readonly environment: Readonly<Record<string, string>>;
  readonly notices: readonly string[];
  readonly runtime_info: Readonly<Record<string, unknown>>;
  /** By concern and field: `flag --tp`, `env DYN_NAMESPACE`, `default`. */
  readonly sources: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly system_info: Readonly<Record<string, unknown>>;
  readonly version: string;
}

/** Gathers a dump; keys are sorted, so that two dumps can be compared line by line. */
export function createConfigDump<C extends Concerns>(
  args: RunArgs<C>,
  env: Environment,
): ConfigDump {
  const config: Record<string, Record<string, unknown>> = {};
  const sources: Record<string, Record<string, string>> = {};
  const generic = args as unknown as RunArgs;
  const specs = compileCommand(generic.command).specs.toSorted(
    (a, b) => compare(a.concern, b.concern) || compare(a.field, b.field),
  );
  for (const { concern, field, meta } of specs) {
    if (concern === builtinConcern) continue;
    const value = generic.values[concern]?.[field] ?? null;
    const shown = meta.secret && value !== null ? secretMask : value;
    config[concern] = { ...config[concern], [field]: shown };
    const source = (generic.sources[concern] as Record<string, ValueSource>)[field];
    const from = source === undefined ? "" : `${source.kind} ${source.detail}`.trimEnd();
    sources[concern] = { ...sources[concern], [field]: from };
  }
  return {
    command: args.command.name,
    config,
    environment: maskEnvironment(env),
    notices: args.notices,
    runtime_info: { node: process.version, pid: process.pid },
    sources,
    system_info: {
      arch: arch(),
      cores: availableParallelism(),
      hostname: hostname(),
      memory_bytes: totalmem(),
      platform: `${platform()} ${release()}`,
    },
    version: args.command.version,
  };
}

function maskEnvironment(env: Environment): Readonly<Record<string, string>> {
  const entries = Object.entries(env)
    .filter(([name]) => /^(DYN|SGLANG|ETCD|NATS|OTEL|HF)_/.test(name))
    .map(([name, text = ""]): [string, string] => {
      const isSecret =
        /PASSWORD|SECRET|CREDENTIAL|HEADERS|(^|_)(TOKEN|API_?KEY)(_|$)/.test(name) && text !== "";
      return [name, isSecret ? secretMask : text.replace(/\/\/[^/@\s]+@/g, `//${secretMask}@`)];
    });
  return Object.fromEntries(entries.toSorted(([a], [b]) => compare(a, b)));
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
