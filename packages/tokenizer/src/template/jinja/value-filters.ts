// Filters over single values, with transformers' tojson.
import { capitalize, replaceText, splitLines, strip } from "../python-text.ts";
import type { Filter } from "./filter.ts";
import { printf } from "./printf.ts";
import {
  dictEntries,
  isDict,
  isFloat,
  isTruthy,
  lengthOf,
  PythonFloat,
  PythonTuple,
  TemplateRuntimeError,
  toItems,
  toNumber,
  toRepr,
  toText,
  typeName,
} from "./python-value.ts";
import { readArguments } from "./read-arguments.ts";
import { toJson } from "./to-json.ts";

export const valueFilters = new Map<string, Filter>();

function define(
  names: readonly string[],
  parameters: readonly string[],
  filter: (value: unknown, args: readonly unknown[]) => unknown,
): void {
  const [first = ""] = names;
  for (const name of names) {
    valueFilters.set(name, (value, args, named) =>
      filter(value, readArguments(first, parameters, args, named)),
    );
  }
}

define(["safe", "string"], [], toText);
define(["upper"], [], (value) => toText(value).toUpperCase());
define(["lower"], [], (value) => toText(value).toLowerCase());
define(["capitalize"], [], (value) => capitalize(toText(value)));
define(["trim"], ["chars"], (value, [chars]) =>
  strip(toText(value), typeof chars === "string" ? chars : null),
);
define(["title"], [], (value) =>
  toText(value)
    .split(/([-\s({[<]+)/)
    .map((part) => (part[0] ?? "").toUpperCase() + part.slice(1).toLowerCase())
    .join(""),
);
define(["replace"], ["old", "new", "count"], (value, [old, fresh, count]) =>
  replaceText(toText(value), toText(old), toText(fresh), toNumber(count) ?? -1),
);
define(["indent"], ["width", "first", "blank"], (value, [width, first, blank]) => {
  const indent = typeof width === "string" ? width : " ".repeat(toNumber(width) ?? 4);
  if (typeof value !== "string") {
    throw new TemplateRuntimeError(`cannot indent '${typeName(value)}'`);
  }
  const lines = splitLines(`${value}\n`);
  const [head = "", ...rest] = lines;
  const indented = rest.map((line) => (line === "" && !isTruthy(blank) ? line : indent + line));
  return [isTruthy(first) ? indent + head : head, ...indented].join("\n");
});
define(["e", "escape"], [], (value) =>
  toText(value)
    .replace(/[&<>'"]/g, (character) => `&#${character.charCodeAt(0)};`)
    .replaceAll("&#38;", "&amp;")
    .replaceAll("&#60;", "&lt;")
    .replaceAll("&#62;", "&gt;"),
);
define(["wordcount"], [], (value) => toText(value).match(/[\p{L}\p{N}_]+/gu)?.length ?? 0);
define(["length", "count"], [], lengthOf);
define(["default", "d"], ["default_value", "boolean"], (value, [fallback, boolean]) =>
  value === undefined || (isTruthy(boolean) && !isTruthy(value)) ? orElse(fallback, "") : value,
);
define(["abs"], [], (value) => {
  const number = toNumber(value);
  if (number === null) throw new TemplateRuntimeError(`bad operand for abs: '${typeName(value)}'`);
  return value instanceof PythonFloat ? PythonFloat.from(Math.abs(number)) : Math.abs(number);
});
define(["int"], ["default", "base"], (value, [fallback, base]) => {
  if (value === undefined) throw new TemplateRuntimeError("int of a value that is undefined");
  const number = toNumber(value);
  if (number !== null) return Math.trunc(number);
  const text = strip(toText(value));
  if (typeof base === "number" && base !== 10) {
    const parsed = Number.parseInt(text.replace(/^0[xob]/i, ""), base);
    return Number.isNaN(parsed) ? orElse(fallback, 0) : parsed;
  }
  const parsed = numberFromText(text);
  return parsed === null || !Number.isFinite(parsed) ? orElse(fallback, 0) : Math.trunc(parsed);
});
define(["float"], ["default"], (value, [fallback]) => {
  if (value === undefined) throw new TemplateRuntimeError("float of a value that is undefined");
  const parsed = toNumber(value) ?? numberFromText(strip(toText(value)));
  return parsed === null ? orElse(fallback, PythonFloat.from(0)) : PythonFloat.from(parsed);
});
define(["round"], ["precision", "method"], (value, [precision, method]) => {
  const number = toNumber(value);
  if (number === null) {
    throw new TemplateRuntimeError(`type ${typeName(value)} doesn't define __round__ method`);
  }
  if (!isFloat(value) && (method ?? "common") === "common") return number;
  const scale = 10 ** (toNumber(precision) ?? 0);
  const scaled = number * scale;
  if (method === "ceil") return PythonFloat.from(Math.ceil(scaled) / scale);
  if (method === "floor") return PythonFloat.from(Math.floor(scaled) / scale);
  return PythonFloat.from(roundHalfEven(scaled) / scale);
});
define(["items"], [], (value) => {
  if (value === undefined) return [];
  if (!isDict(value)) throw new TemplateRuntimeError("Can only get item pairs from a mapping.");
  return dictEntries(value).map((entry) => PythonTuple.fromItems(entry));
});
define(["pprint"], [], toRepr);
valueFilters.set("format", (value, args) => printf(toText(value), PythonTuple.fromItems(args)));
define(
  ["tojson"],
  ["ensure_ascii", "indent", "separators", "sort_keys"],
  (value, [ensureAscii, indent, separators, sortKeys]) => {
    const [item, key] = separators === undefined || separators === null ? [] : toItems(separators);
    const width = toNumber(indent);
    const indentText =
      typeof indent === "string" ? indent : width === null ? null : " ".repeat(width);
    return toJson(value, {
      ensureAscii: isTruthy(ensureAscii),
      indent: indentText,
      itemSeparator: typeof item === "string" ? item : indentText === null ? ", " : ",",
      keySeparator: typeof key === "string" ? key : ": ",
      sortKeys: isTruthy(sortKeys),
    });
  },
);

/** None is a value like any other. */
function orElse(value: unknown, fallback: unknown): unknown {
  return value === undefined ? fallback : value;
}

function numberFromText(text: string): number | null {
  return /^[+-]?(?:\d+(?:_\d+)*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(text)
    ? Number(text.replaceAll("_", ""))
    : null;
}

function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}
