import { describeValues } from "../option/describe-values.ts";
import type { OptionSpec, ScalarKind } from "../option/option-spec.ts";
import { parseHumanInteger } from "./human-integer.ts";

/** Text that is no value of its option; whoever knows the source makes the message whole. */
export class UnusableText extends Error {}

const truthy = new Set(["true", "1", "yes", "on"]);
const falsy = new Set(["false", "0", "no", "off"]);

/** Reads the words that a boolean flag, variable or key may have. */
export function textToBoolean(text: string): boolean | undefined {
  const word = text.trim().toLowerCase();
  if (truthy.has(word)) return true;
  return falsy.has(word) ? false : undefined;
}

/** Turns the texts of one option into the input of its zod schema; throws UnusableText. */
export function textsToValue(spec: OptionSpec, texts: readonly string[]): unknown {
  if (spec.kind === "list") {
    const items = spec.meta.list === "comma" ? texts.flatMap((text) => text.split(",")) : texts;
    return items.map((item) => textToScalar(spec, spec.itemKind, item.trim()));
  }
  const text = texts[0] ?? "";
  if (spec.nullable && /^(none|null)$/i.test(text.trim())) return null;
  return spec.kind === "json" ? textToJson(text) : textToScalar(spec, spec.kind, text);
}

function textToScalar(spec: OptionSpec, kind: ScalarKind, text: string): unknown {
  switch (kind) {
    case "boolean": {
      const value = textToBoolean(text);
      if (value === undefined) throw new UnusableText(`Expected ${describeValues(spec)}.`);
      return value;
    }
    case "integer": {
      const digits = text.trim();
      const value = spec.meta.humanInteger
        ? parseHumanInteger(digits)
        : /^[+-]?\d+$/.test(digits)
          ? Number(digits)
          : undefined;
      if (value === undefined) throw new UnusableText(`Expected ${describeValues(spec)}.`);
      return value;
    }
    case "number": {
      const digits = text.trim();
      if (!/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(digits)) {
        throw new UnusableText(`Expected ${describeValues(spec)}.`);
      }
      return Number(digits);
    }
    default:
      return text;
  }
}

function textToJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new UnusableText(`It is not JSON (${why}). Quote it for your shell: '{"key": "value"}'.`);
  }
}
