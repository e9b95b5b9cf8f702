import type { z } from "zod";
import type { OptionSpec } from "./option-spec.ts";

/** Says which values an option takes: `an integer from 0 to 65535`, `one of tcp, nats`. */
export function describeValues(spec: OptionSpec): string {
  const none = spec.nullable ? ", or None" : "";
  if (spec.kind === "json") return `JSON${none}`;
  const item = describeScalar(spec);
  if (spec.kind !== "list") return `${item}${none}`;
  const plural =
    spec.choices.length > 0 ? `any of ${spec.choices.join(", ")}` : `${item}, any number of them`;
  return spec.meta.list === "comma" ? `${plural}, separated by commas` : plural;
}

function describeScalar(spec: OptionSpec): string {
  switch (spec.itemKind) {
    case "boolean":
      return "true or false";
    case "enum":
      return `one of ${spec.choices.join(", ")}`;
    case "integer":
      return `${spec.meta.humanInteger ? "an integer, also written 4k or 4Ki" : "an integer"}${range(spec)}`;
    case "number":
      return `a number${range(spec)}`;
    case "string":
      return "text";
  }
}

function range(spec: OptionSpec): string {
  const { low, isAbove, high } = findBounds(spec.schema);
  if (low !== undefined && high !== undefined)
    return ` ${isAbove ? "above" : "from"} ${low} to ${high}`;
  if (low !== undefined) return isAbove ? ` above ${low}` : ` of at least ${low}`;
  return high === undefined ? "" : ` of at most ${high}`;
}

interface Bounds {
  readonly low?: number;
  readonly isAbove?: boolean;
  readonly high?: number;
}

interface SchemaInside {
  readonly innerType?: z.ZodType;
  readonly element?: z.ZodType;
  readonly checks?: readonly z.core.$ZodCheck[];
}

/** Reads the comparisons of the number inside a schema. */
function findBounds(schema: z.ZodType): Bounds {
  const def = schema._zod.def as unknown as SchemaInside;
  const inner = def.innerType ?? def.element;
  if (inner !== undefined) return findBounds(inner);
  let bounds: Bounds = {};
  for (const { _zod } of def.checks ?? []) {
    const check = _zod.def as { check: string; value?: number; inclusive?: boolean };
    if (check.check === "greater_than" && check.value !== undefined) {
      bounds = { ...bounds, low: check.value, isAbove: check.inclusive !== true };
    } else if (check.check === "less_than" && check.value !== undefined) {
      bounds = { ...bounds, high: check.value };
    }
  }
  return bounds;
}
