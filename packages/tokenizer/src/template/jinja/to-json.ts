// `tojson` as transformers defines it: json.dumps(value, ensure_ascii=False, ...), no HTML escapes.
import { floatToText } from "./float-text.ts";
import {
  dictEntries,
  isDict,
  PythonFloat,
  TemplateRuntimeError,
  toNumber,
  typeName,
} from "./python-value.ts";

export interface JsonOptions {
  readonly ensureAscii: boolean;
  readonly indent: string | null;
  readonly itemSeparator: string;
  readonly keySeparator: string;
  readonly sortKeys: boolean;
}

export function toJson(value: unknown, options: JsonOptions, depth = 0): string {
  if (typeof value === "string") return quote(value, options);
  if (value === null) return "null";
  if (typeof value === "boolean") return String(value);
  if (value instanceof PythonFloat) return numberToJson(value.value, true);
  if (typeof value === "number") return numberToJson(value, !Number.isInteger(value));
  if (Array.isArray(value)) {
    const items = value.map((item) => toJson(item, options, depth + 1));
    return wrap("[", items, "]", options, depth);
  }
  if (!isDict(value)) {
    throw new TemplateRuntimeError(`Object of type ${typeName(value)} is not JSON serializable`);
  }
  const entries = dictEntries(value).map(([key, item]) => [keyToText(key), item] as const);
  if (options.sortKeys) entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  const items = entries.map(
    ([key, item]) =>
      `${quote(key, options)}${options.keySeparator}${toJson(item, options, depth + 1)}`,
  );
  return wrap("{", items, "}", options, depth);
}

function wrap(
  open: string,
  items: readonly string[],
  close: string,
  options: JsonOptions,
  depth: number,
): string {
  if (items.length === 0) return open + close;
  if (options.indent === null) return open + items.join(options.itemSeparator) + close;
  const inner = `\n${options.indent.repeat(depth + 1)}`;
  const outer = `\n${options.indent.repeat(depth)}`;
  return open + inner + items.join(options.itemSeparator + inner) + outer + close;
}

function quote(text: string, options: JsonOptions): string {
  const quoted = JSON.stringify(text);
  if (!options.ensureAscii) return quoted;
  return quoted.replace(
    /[\x7f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function numberToJson(value: number, asFloat: boolean): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "Infinity" : "-Infinity";
  return asFloat ? floatToText(value) : BigInt(value).toString();
}

function keyToText(key: unknown): string {
  if (typeof key === "string") return key;
  if (key === null) return "null";
  if (typeof key === "boolean") return String(key);
  const number = toNumber(key);
  if (number !== null) return numberToJson(number, key instanceof PythonFloat);
  throw new TemplateRuntimeError(
    `keys must be str, int, float, bool or None, not ${typeName(key)}`,
  );
}
