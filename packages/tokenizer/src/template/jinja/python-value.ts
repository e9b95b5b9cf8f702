// Python's values in JavaScript: None is null, Undefined is undefined, int and float are numbers
// (a float without a fraction is a PythonFloat), list is Array, dict is Map or a plain object.
// Nothing here changes a value.
import { floatToText } from "./float-text.ts";
import { stringToRepr } from "./string-repr.ts";

/** A float whose value is whole: prints with ".0". */
export class PythonFloat {
  readonly value: number;

  private constructor(value: number) {
    this.value = value;
  }

  static from(value: number): number | PythonFloat {
    return Number.isInteger(value) ? new PythonFloat(value) : value;
  }
}

export class PythonTuple extends Array<unknown> {
  static fromItems(items: readonly unknown[]): PythonTuple {
    const tuple = new PythonTuple(items.length);
    for (let i = 0; i < items.length; i++) tuple[i] = items[i];
    return tuple;
  }

  static override get [Symbol.species]() {
    return Array;
  }
}

/** Made by `namespace()`: the one thing whose attributes a template can set. */
export class Namespace {
  readonly attributes: Map<string, unknown>;

  constructor(attributes: Map<string, unknown>) {
    this.attributes = attributes;
  }
}

export type PythonFunction = (
  args: readonly unknown[],
  named: ReadonlyMap<string, unknown>,
) => unknown;

export type PythonDict = ReadonlyMap<unknown, unknown> | Readonly<Record<string, unknown>>;

/** What Python would raise while it renders. */
export class TemplateRuntimeError extends Error {
  override name = "TemplateRuntimeError";
}

export function isDict(value: unknown): value is PythonDict {
  if (typeof value !== "object" || value === null) return false;
  if (value instanceof Map) return true;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

export function dictHas(dict: PythonDict, key: unknown): boolean {
  if (dict instanceof Map) return dict.has(key);
  return typeof key === "string" && Object.hasOwn(dict, key);
}

export function dictGet(dict: PythonDict, key: unknown): unknown {
  if (dict instanceof Map) return dict.get(key);
  return typeof key === "string" && Object.hasOwn(dict, key)
    ? (dict as Readonly<Record<string, unknown>>)[key]
    : undefined;
}

export function dictEntries(dict: PythonDict): [unknown, unknown][] {
  return dict instanceof Map ? [...dict] : Object.entries(dict);
}

export function dictSize(dict: PythonDict): number {
  return dict instanceof Map ? dict.size : Object.keys(dict).length;
}

/** As a number, bool included; `null` for what is no number. */
export function toNumber(value: unknown): number | null {
  if (typeof value === "number") return value;
  if (typeof value === "boolean") return value ? 1 : 0;
  return value instanceof PythonFloat ? value.value : null;
}

export function isFloat(value: unknown): boolean {
  return value instanceof PythonFloat || (typeof value === "number" && !Number.isInteger(value));
}

export function isTruthy(value: unknown): boolean {
  if (typeof value === "boolean") return value;
  if (typeof value === "string") return value !== "";
  if (value === null || value === undefined) return false;
  if (typeof value === "number") return value !== 0;
  if (value instanceof PythonFloat) return value.value !== 0;
  if (Array.isArray(value)) return value.length > 0;
  return isDict(value) ? dictSize(value) > 0 : true;
}

export function typeName(value: unknown): string {
  if (value === null) return "NoneType";
  if (value === undefined) return "Undefined";
  if (typeof value === "string") return "str";
  if (typeof value === "boolean") return "bool";
  if (isFloat(value)) return "float";
  if (typeof value === "number") return "int";
  if (value instanceof PythonTuple) return "tuple";
  if (Array.isArray(value)) return "list";
  if (typeof value === "function") return "function";
  return value instanceof Namespace ? "Namespace" : "dict";
}

/** Python's `str()`: what `{{ value }}` prints. */
export function toText(value: unknown): string {
  if (typeof value === "string") return value;
  return value === undefined ? "" : toRepr(value);
}

/** Python's `repr()`. */
export function toRepr(value: unknown): string {
  if (typeof value === "string") return stringToRepr(value);
  if (value === null) return "None";
  if (value === undefined) return "Undefined";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (value instanceof PythonFloat) return floatToText(value.value);
  if (typeof value === "number") {
    return Number.isInteger(value) ? BigInt(value).toString() : floatToText(value);
  }
  if (value instanceof PythonTuple) {
    return value.length === 1 ? `(${toRepr(value[0])},)` : `(${value.map(toRepr).join(", ")})`;
  }
  if (Array.isArray(value)) return `[${value.map(toRepr).join(", ")}]`;
  if (value instanceof Namespace) return `<Namespace ${toRepr(value.attributes)}>`;
  if (isDict(value)) {
    return `{${dictEntries(value)
      .map(([key, item]) => `${toRepr(key)}: ${toRepr(item)}`)
      .join(", ")}}`;
  }
  return `<${typeName(value)}>`;
}

/** Code points of a string; the fast way when it has no surrogates. */
export function toCharacters(text: string): string[] {
  return hasSurrogates(text) ? Array.from(text) : text.split("");
}

export function hasSurrogates(text: string): boolean {
  return /[\ud800-\udfff]/.test(text);
}

/** What a `for` walks over. */
export function toItems(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  if (value === undefined) return [];
  if (typeof value === "string") return toCharacters(value);
  if (isDict(value)) return value instanceof Map ? [...value.keys()] : Object.keys(value);
  throw new TemplateRuntimeError(`'${typeName(value)}' object is not iterable`);
}

export function lengthOf(value: unknown): number {
  if (typeof value === "string")
    return hasSurrogates(value) ? Array.from(value).length : value.length;
  if (Array.isArray(value)) return value.length;
  if (value === undefined) return 0;
  if (isDict(value)) return dictSize(value);
  throw new TemplateRuntimeError(`object of type '${typeName(value)}' has no len()`);
}
