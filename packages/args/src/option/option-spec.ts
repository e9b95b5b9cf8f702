import type { z } from "zod";
import { fieldToFlag } from "./flag-name.ts";
import type { OptionMeta } from "./option-meta.ts";

export type ScalarKind = "string" | "boolean" | "integer" | "number" | "enum";
type OptionKind = ScalarKind | "list" | "json";

/** One option, read from a field of a zod object: all that parsing and printing need to know. */
export interface OptionSpec {
  /** Name of the concern and of the field: `values[concern][field]`. */
  readonly concern: string;
  readonly field: string;
  /** Canonical spelling without dashes; also the key in a configuration file. */
  readonly flag: string;
  readonly kind: OptionKind;
  /** Kind of a list's items; equals `kind` otherwise. */
  readonly itemKind: ScalarKind;
  readonly choices: readonly string[];
  readonly nullable: boolean;
  readonly required: boolean;
  readonly defaultValue: unknown;
  readonly description: string;
  readonly schema: z.ZodType;
  readonly meta: OptionMeta;
}

interface SchemaInside {
  readonly type: string;
  readonly innerType?: z.ZodType;
  readonly element?: z.ZodType;
  readonly defaultValue?: unknown;
}

const inside = (schema: z.ZodType): SchemaInside => schema._zod.def as unknown as SchemaInside;

const wrappers = new Set(["default", "prefault", "optional", "nullable", "readonly"]);

/** Reads a field of a concern; throws on a schema that no text can express. */
export function fieldToSpec(concern: string, field: string, schema: z.ZodType): OptionSpec {
  let core = schema;
  let nullable = false;
  let optional = false;
  let defaultValue: unknown;
  let meta: OptionMeta & { readonly description?: string | undefined } = {};
  for (;;) {
    meta = { ...(core.meta() as typeof meta | undefined), ...meta };
    const { type, innerType } = inside(core);
    if (!wrappers.has(type) || innerType === undefined) break;
    if (type === "nullable") nullable = true;
    if (type === "optional") optional = true;
    if (type === "default" || type === "prefault") {
      optional = true;
      defaultValue ??= inside(core).defaultValue;
    }
    core = innerType;
  }
  const kind = schemaToKind(core);
  if (kind === undefined) {
    throw new TypeError(
      `Option ${concern}.${field}: no text can stand for a zod ${inside(core).type}.`,
    );
  }
  const item = kind === "list" ? inside(core).element : core;
  const itemKind = item === undefined ? undefined : schemaToKind(item);
  const { description = "", ...rest } = meta;
  return {
    concern,
    field,
    flag: meta.flag ?? fieldToFlag(field),
    kind,
    itemKind:
      itemKind === undefined || itemKind === "list" || itemKind === "json" ? "string" : itemKind,
    choices: item === undefined || itemKind !== "enum" ? [] : schemaToChoices(item),
    nullable,
    required: !optional,
    defaultValue,
    description,
    schema,
    meta: rest,
  };
}

function schemaToKind(schema: z.ZodType): OptionKind | undefined {
  switch (inside(schema).type) {
    case "string":
      return "string";
    case "boolean":
      return "boolean";
    case "enum":
    case "literal":
      return "enum";
    case "number":
      return (schema as z.ZodNumber).isInt ? "integer" : "number";
    case "array":
      return "list";
    case "object":
    case "record":
    case "union":
      return "json";
    default:
      return undefined;
  }
}

function schemaToChoices(schema: z.ZodType): readonly string[] {
  if (inside(schema).type === "literal") return [...(schema as z.ZodLiteral<string>).values];
  return (schema as z.ZodEnum<Record<string, string>>).options;
}
