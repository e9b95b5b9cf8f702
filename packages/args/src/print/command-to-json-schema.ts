import { z } from "zod";
import type { Command, Concerns } from "../command/command.ts";
import { builtinConcern, compileCommand } from "../command/define-command.ts";
import type { OptionSpec } from "../option/option-spec.ts";

export interface CommandJsonSchema {
  readonly $schema: string;
  readonly title: string;
  readonly description: string;
  readonly type: "object";
  readonly properties: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly additionalProperties: false;
}

/**
 * JSON Schema (2020-12) of a command's configuration file: keys are flags without dashes. Nothing is
 * required, since flags and variables may give what the file leaves out. `x-env`, `x-aliases` and
 * `x-group` hold what JSON Schema has no word for.
 */
export function commandToJsonSchema<C extends Concerns>(command: Command<C>): CommandJsonSchema {
  const generic = command as unknown as Command;
  const properties: Record<string, Record<string, unknown>> = {};
  for (const spec of compileCommand(generic).specs) {
    if (spec.concern === builtinConcern || spec.meta.envOnly) continue;
    properties[spec.flag] = specToProperty(spec);
  }
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: `${command.name} configuration`,
    description: command.summary,
    type: "object",
    properties,
    additionalProperties: false,
  };
}

const ownKeys = new Set([
  "env",
  "envOnly",
  "flag",
  "short",
  "aliases",
  "oldNames",
  "oldEnv",
  "group",
  "placeholder",
  "secret",
  "hidden",
  "since",
  "list",
  "emptyList",
  "bareValue",
  "humanInteger",
  "noEffect",
  "$schema",
]);

/** Of one option, as it stands in a file in its own type. */
export function specToProperty(spec: OptionSpec): Record<string, unknown> {
  const schema = z.toJSONSchema(spec.schema, { io: "input" }) as Record<string, unknown>;
  const plain = Object.fromEntries(Object.entries(schema).filter(([key]) => !ownKeys.has(key)));
  const { env, aliases, group, noEffect, humanInteger } = spec.meta;
  const human = humanInteger
    ? { type: ["integer", "string"], pattern: "^\\d+(\\.\\d+)?([kMGT]|[KMGT]i)?$" }
    : {};
  return {
    ...plain,
    ...human,
    ...(env === undefined ? {} : { "x-env": env }),
    ...(aliases === undefined ? {} : { "x-aliases": aliases }),
    ...(group === undefined ? {} : { "x-group": group }),
    ...(noEffect === undefined ? {} : { deprecated: true }),
  };
}
