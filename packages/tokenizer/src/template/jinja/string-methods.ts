// Methods of str that a sandboxed template can call.
import {
  capitalize,
  replaceText,
  split,
  splitFromRight,
  splitLines,
  strip,
  stripLeft,
  stripRight,
  titleCase,
} from "../python-text.ts";
import {
  isTruthy,
  lengthOf,
  type PythonFunction,
  PythonTuple,
  TemplateRuntimeError,
  toCharacters,
  toItems,
  toNumber,
  toRepr,
  toText,
  typeName,
} from "./python-value.ts";
import { readArguments } from "./read-arguments.ts";

type Method = (text: string, args: readonly unknown[]) => unknown;

const methods = new Map<string, { readonly names: readonly string[]; readonly method: Method }>();

function define(name: string, names: readonly string[], method: Method): void {
  methods.set(name, { names, method });
}

/** A bound method, or `undefined` when str has no such method. */
export function stringMethod(text: string, name: string): PythonFunction | undefined {
  if (name === "format") return (args, named) => formatBraces(text, args, named);
  const found = methods.get(name);
  if (found === undefined) return undefined;
  return (args, named) => found.method(text, readArguments(name, found.names, args, named));
}

function textOf(value: unknown): string {
  if (typeof value === "string") return value;
  throw new TemplateRuntimeError(`expected str, got ${typeName(value)}`);
}

function textOrNull(value: unknown): string | null {
  return value === undefined || value === null ? null : textOf(value);
}

function countOf(value: unknown, fallback = -1): number {
  return value === undefined ? fallback : (toNumber(value) ?? fallback);
}

define("upper", [], (text) => text.toUpperCase());
define("lower", [], (text) => text.toLowerCase());
define("casefold", [], (text) => text.toLowerCase());
define("swapcase", [], (text) =>
  text.replace(/\p{L}/gu, (c) => (c === c.toUpperCase() ? c.toLowerCase() : c.toUpperCase())));
define("capitalize", [], capitalize);
define("title", [], titleCase);
define("strip", ["chars"], (text, [chars]) => strip(text, textOrNull(chars)));
define("lstrip", ["chars"], (text, [chars]) => stripLeft(text, textOrNull(chars)));
define("rstrip", ["chars"], (text, [chars]) => stripRight(text, textOrNull(chars)));
define("split", ["sep", "maxsplit"], (text, [sep, count]) =>
  split(text, separatorOf(sep), countOf(count)));
define("rsplit", ["sep", "maxsplit"], (text, [sep, count]) =>
  splitFromRight(text, separatorOf(sep), countOf(count)));
define("splitlines", ["keepends"], (text, [keep]) => splitLines(text, isTruthy(keep)));
define("replace", ["old", "new", "count"], (text, [old, fresh, count]) =>
  replaceText(text, textOf(old), textOf(fresh), countOf(count)));
define("startswith", ["prefix", "start"], (text, [prefix, start]) =>
  anyOf(prefix, (one) => text.startsWith(one, countOf(start, 0))));
define("endswith", ["suffix"], (text, [suffix]) => anyOf(suffix, (one) => text.endsWith(one)));
define("removeprefix", ["prefix"], (text, [prefix]) =>
  text.startsWith(textOf(prefix)) ? text.slice(textOf(prefix).length) : text);
define("removesuffix", ["suffix"], (text, [suffix]) =>
  suffix !== "" && text.endsWith(textOf(suffix)) ? text.slice(0, -textOf(suffix).length) : text);
define("find", ["sub"], (text, [sub]) => position(text, text.indexOf(textOf(sub))));
define("rfind", ["sub"], (text, [sub]) => position(text, text.lastIndexOf(textOf(sub))));
define("index", ["sub"], (text, [sub]) => found(position(text, text.indexOf(textOf(sub)))));
define("rindex", ["sub"], (text, [sub]) => found(position(text, text.lastIndexOf(textOf(sub)))));
define("count", ["sub"], (text, [sub]) =>
  sub === "" ? lengthOf(text) + 1 : text.split(textOf(sub)).length - 1);
define("join", ["iterable"], (text, [items]) => toItems(items).map(textOf).join(text));
define("partition", ["sep"], (text, [sep]) => {
  const at = text.indexOf(textOf(sep));
  if (at === -1) return PythonTuple.fromItems([text, "", ""]);
  return PythonTuple.fromItems([text.slice(0, at), sep, text.slice(at + textOf(sep).length)]);
});
define("rpartition", ["sep"], (text, [sep]) => {
  const at = text.lastIndexOf(textOf(sep));
  if (at === -1) return PythonTuple.fromItems(["", "", text]);
  return PythonTuple.fromItems([text.slice(0, at), sep, text.slice(at + textOf(sep).length)]);
});
define("zfill", ["width"], (text, [width]) => {
  const sign = /^[+-]/.exec(text)?.[0] ?? "";
  return sign + text.slice(sign.length).padStart(countOf(width) - sign.length, "0");
});
define("ljust", ["width", "fill"], (text, [width, fill]) =>
  text.padEnd(countOf(width), padOf(fill)));
define("rjust", ["width", "fill"], (text, [width, fill]) =>
  text.padStart(countOf(width), padOf(fill)));
define("isdigit", [], (text) => /^\p{Nd}+$/u.test(text));
define("isdecimal", [], (text) => /^\p{Nd}+$/u.test(text));
define("isnumeric", [], (text) => /^\p{N}+$/u.test(text));
define("isalpha", [], (text) => /^\p{L}+$/u.test(text));
define("isalnum", [], (text) => /^[\p{L}\p{N}]+$/u.test(text));
define("isspace", [], (text) => text !== "" && strip(text) === "");
define("isupper", [], (text) => /\p{L}/u.test(text) && text === text.toUpperCase());
define("islower", [], (text) => /\p{L}/u.test(text) && text === text.toLowerCase());
define("istitle", [], (text) => /\p{L}/u.test(text) && text === titleCase(text));

function separatorOf(value: unknown): string | null {
  if (value === "") throw new TemplateRuntimeError("empty separator");
  return textOrNull(value);
}

function padOf(value: unknown): string {
  return value === undefined ? " " : textOf(value);
}

function anyOf(value: unknown, test: (one: string) => boolean): boolean {
  return value instanceof PythonTuple
    ? value.some((one) => test(textOf(one)))
    : test(textOf(value));
}

/** A UTF-16 index as an index of code points. */
function position(text: string, at: number): number {
  return at <= 0 ? at : toCharacters(text.slice(0, at)).length;
}

function found(at: number): number {
  if (at === -1) throw new TemplateRuntimeError("substring not found");
  return at;
}

/** `str.format` with {}, {0}, {name} and !r, without format specs. */
function formatBraces(
  text: string,
  args: readonly unknown[],
  named: ReadonlyMap<string, unknown>,
): string {
  let next = 0;
  return text.replace(
    /\{\{|\}\}|\{(\w*)(!r)?(:[^}]*)?\}/g,
    (whole, key: string | undefined, repr, spec) => {
      if (key === undefined) return whole[0] ?? "";
      if (spec !== undefined && spec !== ":") {
        throw new TemplateRuntimeError(`format spec "${spec}" is not supported`);
      }
      const index = key === "" ? next++ : Number(key);
      if (/^\d*$/.test(key) ? index >= args.length : !named.has(key)) {
        throw new TemplateRuntimeError(`format() has no argument for {${key}}`);
      }
      const value = /^\d*$/.test(key) ? args[index] : named.get(key);
      return repr === undefined ? toText(value) : toRepr(value);
    },
  );
}
