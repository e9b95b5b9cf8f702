import { builtinOptions } from "../concerns/builtin-options.ts";
import { normalizeFlag } from "../option/flag-name.ts";
import { fieldToSpec, type OptionSpec } from "../option/option-spec.ts";
import type { Command, Concerns } from "./command.ts";

/** A command whose fields have been read: specs in the order of the schemas, and every spelling. */
export interface CompiledCommand {
  readonly specs: readonly OptionSpec[];
  /** Canonical flags, aliases and old names (not the negated ones) to their option. */
  readonly byName: ReadonlyMap<string, OptionSpec>;
  readonly byShort: ReadonlyMap<string, OptionSpec>;
}

const compiled = new WeakMap<Command, CompiledCommand>();

/** Name under which the options of this package itself stand: `--help`, `--config`, ... */
export const builtinConcern = "builtin";

/**
 * Combines concerns into a command. Throws a TypeError when two options have a spelling in common:
 * that is a fault of the program, found by importing it.
 */
export function defineCommand<const C extends Concerns>(command: Command<C>): Command<C> {
  return command;
}

/** The specs of a command, read once. */
export function compileCommand(command: Command): CompiledCommand {
  const known = compiled.get(command);
  if (known !== undefined) return known;
  const specs: OptionSpec[] = [];
  const concerns = {
    ...command.concerns,
    [builtinConcern]: builtinOptions(command.configFile ?? "file"),
  };
  for (const [concern, schema] of Object.entries(concerns)) {
    for (const [field, type] of Object.entries(schema.shape))
      specs.push(fieldToSpec(concern, field, type));
  }
  const byName = new Map<string, OptionSpec>();
  const byShort = new Map<string, OptionSpec>();
  for (const spec of specs) {
    if (spec.meta.short !== undefined) add(byShort, spec.meta.short, spec, command.name);
    if (spec.meta.envOnly) continue;
    const { aliases = [], oldNames = [] } = spec.meta;
    for (const name of [spec.flag, ...aliases, ...oldNames])
      add(byName, normalizeFlag(name), spec, command.name);
  }
  const native = new Set<string>();
  for (const { flag, aliases = [] } of command.nativeFlags ?? []) {
    for (const name of [flag, ...aliases]) {
      if (native.has(name) || byName.has(name)) {
        throw new TypeError(`${command.name}: the native flag ${name} is spelled twice.`);
      }
      native.add(name);
    }
  }
  const result = { specs, byName, byShort };
  compiled.set(command, result);
  return result;
}

function add(map: Map<string, OptionSpec>, name: string, spec: OptionSpec, command: string): void {
  const other = map.get(name);
  if (other !== undefined) {
    throw new TypeError(
      `${command}: ${other.concern}.${other.field} and ${spec.concern}.${spec.field} are both spelled ${name}.`,
    );
  }
  map.set(name, spec);
}
