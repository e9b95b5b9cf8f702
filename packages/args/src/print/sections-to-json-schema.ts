// JSON Schema of a file of sections, of which `--disagg-config FILE --disagg-config-key SECTION` reads one: each is a
// configuration of the command, with every spelling that the parser takes, other programs' flags included.
import type { Command, Concerns } from "../command/command.ts";
import { builtinConcern, compileCommand } from "../command/define-command.ts";
import type { NativeFlag } from "../native/native-flag.ts";
import type { OptionSpec } from "../option/option-spec.ts";
import { specToProperty } from "./command-to-json-schema.ts";

type JsonSchema = Readonly<Record<string, unknown>>;

const anyValue = { type: ["string", "number", "boolean", "object", "array", "null"] };

/** Draft 2020-12. Keys have dashes; the parser reads underscores as well. Flags that are refused whatever they say are not in it. */
export function sectionsToJsonSchema<C extends Concerns>(
  command: Command<C>,
  { id, title }: { readonly id: string; readonly title: string },
): JsonSchema {
  const { specs } = compileCommand(command as unknown as Command);
  const properties: Record<string, JsonSchema> = {};
  for (const spec of specs) {
    if (spec.concern === builtinConcern || spec.meta.envOnly) continue;
    properties[spec.flag] = sectionProperty(spec);
    for (const name of [...(spec.meta.aliases ?? []), ...(spec.meta.oldNames ?? [])]) {
      properties[name] = { $ref: `#/$defs/section/properties/${spec.flag}` };
    }
  }
  const withoutEffect: string[] = [];
  for (const native of command.nativeFlags ?? []) {
    for (const name of [native.flag, ...(native.aliases ?? [])]) {
      if (Object.hasOwn(properties, name)) continue;
      if (native.verdict === "notice") withoutEffect.push(name);
      else properties[name] = acceptedValues(native);
    }
  }
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    $id: id,
    title,
    type: "object",
    minProperties: 1,
    additionalProperties: { $ref: "#/$defs/section" },
    $defs: {
      section: {
        type: "object",
        properties,
        // Accepted, and named in the log: they have no effect here.
        patternProperties: { [`^(?:${withoutEffect.join("|")})$`]: anyValue },
        additionalProperties: false,
      },
    },
  };
}

/** In a file every value may stand as text too, a list as its words in one, an object as JSON. */
function sectionProperty(spec: OptionSpec): JsonSchema {
  const { description, default: initial, ...rest } = specToProperty(spec);
  const about = {
    ...(description === undefined ? {} : { description }),
    ...(initial === undefined ? {} : { default: initial }),
    ...Object.fromEntries(Object.entries(rest).filter(([key]) => key.startsWith("x-"))),
  };
  const core = Object.fromEntries(Object.entries(rest).filter(([key]) => !key.startsWith("x-")));
  const others = valuesBeside(spec);
  return others.length === 0 ? { ...about, ...core } : { ...about, anyOf: [core, ...others] };
}

function valuesBeside({ kind, choices }: OptionSpec): JsonSchema[] {
  switch (kind) {
    case "list":
    case "json":
      return [{ type: "string" }];
    case "string":
      return choices.length > 0 ? [] : [{ type: ["number", "boolean", "object"] }];
    case "integer":
    case "number":
      return [{ type: "string", pattern: "^[+-]?\\d*\\.?\\d+([eE][+-]?\\d+)?$" }];
    case "boolean":
      return [{ enum: ["true", "false", "yes", "no", "on", "off", "1", "0", 1, 0] }];
    default:
      return [];
  }
}

/** What asks for what happens anyway; `false` drops the flag. */
function acceptedValues({ accepts = [], reason }: NativeFlag): JsonSchema {
  const asValues = accepts.flatMap((text): (string | number | boolean)[] => {
    if (/^(?:true|false)$/i.test(text)) return [text, text.toLowerCase() === "true"];
    return text.trim() !== "" && Number.isFinite(Number(text)) ? [text, Number(text)] : [text];
  });
  return {
    description: `Refused but for these values: ${reason}`,
    enum: [...new Set([...asValues, false])],
  };
}
