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
  const bag = numberBag(spec.schema);
  const low = bag?.exclusiveMinimum ?? bag?.minimum;
  const high = bag?.maximum;
  const isLow = low !== undefined && low > Number.MIN_SAFE_INTEGER;
  const isHigh = high !== undefined && high < Number.MAX_SAFE_INTEGER;
  const above = bag?.exclusiveMinimum !== undefined ? "above" : "from";
  if (isLow && isHigh) return ` ${above} ${low} to ${high}`;
  if (isLow) return above === "above" ? ` above ${low}` : ` of at least ${low}`;
  return isHigh ? ` of at most ${high}` : "";
}

interface NumberBag {
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
}

function numberBag(schema: z.ZodType): NumberBag | undefined {
  const def = schema._zod.def as unknown as {
    type: string;
    innerType?: z.ZodType;
    element?: z.ZodType;
  };
  if (def.type === "number") return schema._zod.bag as NumberBag;
  const inner = def.innerType ?? def.element;
  return inner === undefined ? undefined : numberBag(inner);
}
