// `a.b`, `a[b]` and slices, as Jinja's sandbox resolves them: `a.b` looks for an attribute first and
// for an item then, `a[b]` the other way round.

import { isEqual } from "./operators.ts";
import {
  dictEntries,
  dictGet,
  dictHas,
  hasSurrogates,
  isDict,
  Namespace,
  type PythonDict,
  type PythonFunction,
  PythonTuple,
  TemplateRuntimeError,
  toCharacters,
  toNumber,
  typeName,
} from "./python-value.ts";
import { stringMethod } from "./string-methods.ts";

export function getAttribute(object: unknown, name: string): unknown {
  if (object === undefined) throw undefinedError(`attribute '${name}'`);
  if (isDict(object)) {
    const method = dictMethod(object, name);
    return method ?? dictGet(object, name);
  }
  return ownAttribute(object, name);
}

export function getItem(object: unknown, index: unknown): unknown {
  if (object === undefined) throw undefinedError(`item ${String(index)}`);
  if (isDict(object)) {
    if (dictHas(object, index)) return dictGet(object, index);
    return typeof index === "string" ? dictMethod(object, index) : undefined;
  }
  if (typeof index === "string") return ownAttribute(object, index);
  const at = toNumber(index);
  if (at === null || !Number.isInteger(at)) return undefined;
  if (Array.isArray(object)) return object.at(at);
  if (typeof object !== "string") return undefined;
  return hasSurrogates(object) ? Array.from(object).at(at) : object.at(at);
}

function undefinedError(what: string): TemplateRuntimeError {
  return new TemplateRuntimeError(`${what} was asked of a value that is undefined`);
}

function ownAttribute(object: unknown, name: string): unknown {
  if (typeof object === "string") return stringMethod(object, name);
  if (object instanceof Namespace) return object.attributes.get(name);
  if (object instanceof LoopState) return object.attribute(name);
  if (Array.isArray(object)) return listMethod(object, name);
  return undefined;
}

function dictMethod(dict: PythonDict, name: string): PythonFunction | undefined {
  switch (name) {
    case "get":
      return ([key, fallback]) => (dictHas(dict, key) ? dictGet(dict, key) : (fallback ?? null));
    case "items":
      return () => dictEntries(dict).map((entry) => PythonTuple.fromItems(entry));
    case "keys":
      return () => dictEntries(dict).map(([key]) => key);
    case "values":
      return () => dictEntries(dict).map(([, value]) => value);
    case "copy":
      return () => new Map(dictEntries(dict));
    default:
      return undefined;
  }
}

function listMethod(list: readonly unknown[], name: string): PythonFunction | undefined {
  switch (name) {
    case "index":
      return ([item]) => {
        const at = list.findIndex((other) => isEqual(other, item));
        if (at === -1) throw new TemplateRuntimeError("value is not in list");
        return at;
      };
    case "count":
      return ([item]) => list.filter((other) => isEqual(other, item)).length;
    case "copy":
      return () => [...list];
    default:
      return undefined;
  }
}

export function getSlice(object: unknown, start: unknown, stop: unknown, step: unknown): unknown {
  const by = bound(step) ?? 1;
  if (by === 0) throw new TemplateRuntimeError("slice step cannot be zero");
  if (typeof object === "string") {
    if (by === 1 && !hasSurrogates(object)) return object.slice(bound(start) ?? 0, bound(stop));
    return pick(toCharacters(object), bound(start), bound(stop), by).join("");
  }
  if (Array.isArray(object)) {
    const items = pick(object, bound(start), bound(stop), by);
    return object instanceof PythonTuple ? PythonTuple.fromItems(items) : items;
  }
  if (object === undefined) throw undefinedError("a slice");
  throw new TemplateRuntimeError(`'${typeName(object)}' object is not subscriptable`);
}

function bound(value: unknown): number | undefined {
  if (value === undefined || value === null) return undefined;
  const number = toNumber(value);
  if (number !== null && Number.isInteger(number)) return number;
  throw new TemplateRuntimeError("slice indices must be integers or None");
}

function pick<T>(
  items: readonly T[],
  start: number | undefined,
  stop: number | undefined,
  step: number,
): T[] {
  if (step === 1) return items.slice(start ?? 0, stop);
  const size = items.length;
  const clamp = (at: number, low: number, high: number) =>
    Math.min(Math.max(at < 0 ? at + size : at, low), high);
  const [low, high] = step > 0 ? [0, size] : [-1, size - 1];
  const from = start === undefined ? (step > 0 ? 0 : size - 1) : clamp(start, low, high);
  const to = stop === undefined ? (step > 0 ? size : -1) : clamp(stop, low, high);
  const picked: T[] = [];
  for (let at = from; step > 0 ? at < to : at > to; at += step) picked.push(items[at] as T);
  return picked;
}

/** `loop` of a for statement. */
export class LoopState {
  index0 = 0;
  readonly depth: number;
  readonly #items: readonly unknown[];
  #changed: readonly unknown[] | null = null;

  constructor(items: readonly unknown[], depth: number) {
    this.#items = items;
    this.depth = depth;
  }

  attribute(name: string): unknown {
    const { index0, depth } = this;
    const size = this.#items.length;
    switch (name) {
      case "index":
        return index0 + 1;
      case "index0":
        return index0;
      case "first":
        return index0 === 0;
      case "last":
        return index0 === size - 1;
      case "length":
        return size;
      case "revindex":
        return size - index0;
      case "revindex0":
        return size - index0 - 1;
      case "previtem":
        return index0 === 0 ? undefined : this.#items[index0 - 1];
      case "nextitem":
        return this.#items[index0 + 1];
      case "depth":
        return depth;
      case "depth0":
        return depth - 1;
      case "cycle":
        return (args: readonly unknown[]) => args[index0 % args.length];
      case "changed":
        return (args: readonly unknown[]) => this.#hasChanged(args);
      default:
        return undefined;
    }
  }

  #hasChanged(values: readonly unknown[]): boolean {
    const same = this.#changed !== null && isEqual([...this.#changed], [...values]);
    this.#changed = values;
    return !same;
  }
}
