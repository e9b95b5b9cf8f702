// The functions that transformers and Jinja give every template.
import { strftime } from "../strftime.ts";
import {
  dictEntries,
  isDict,
  Namespace,
  type PythonFunction,
  TemplateRuntimeError,
  toItems,
  toNumber,
  toText,
} from "./python-value.ts";

/** The template called `raise_exception`. */
export class TemplateRaised extends Error {}

/** Jinja's sandbox has the same. */
const maxRangeLength = 100_000;

export function createGlobals(now: () => Date): ReadonlyMap<string, PythonFunction> {
  return new Map<string, PythonFunction>([
    ["range", (args) => range(args)],
    ["dict", ([source], named) => toMap(source, named)],
    ["namespace", ([source], named) => new Namespace(toMap(source, named))],
    ["joiner", ([separator]) => createJoiner(separator ?? ", ")],
    [
      "raise_exception",
      ([message]) => {
        throw new TemplateRaised(toText(message));
      },
    ],
    ["strftime_now", ([format]) => strftime(now(), toText(format))],
  ]);
}

function range(args: readonly unknown[]): number[] {
  const numbers = args.map(toNumber);
  if (numbers.length === 0 || numbers.some((value) => value === null || !Number.isInteger(value))) {
    throw new TemplateRuntimeError("range() needs integers");
  }
  const [first = 0, second, step = 1] = numbers as number[];
  const [start, stop] = second === undefined ? [0, first] : [first, second];
  if (step === 0) throw new TemplateRuntimeError("range() arg 3 must not be zero");
  const length = Math.max(0, Math.ceil((stop - start) / step));
  if (length > maxRangeLength) {
    throw new TemplateRuntimeError(
      `Range too big. The sandbox blocks ranges larger than ${maxRangeLength}.`,
    );
  }
  return Array.from({ length }, (_, index) => start + index * step);
}

function toMap(source: unknown, named: ReadonlyMap<string, unknown>): Map<string, unknown> {
  const map = new Map<string, unknown>();
  const entries = isDict(source)
    ? dictEntries(source)
    : toItems(source).map((pair) => toItems(pair));
  for (const [key, value] of entries) map.set(String(key), value);
  for (const [key, value] of named) map.set(key, value);
  return map;
}

function createJoiner(separator: unknown): PythonFunction {
  let used = false;
  return () => {
    const text = used ? separator : "";
    used = true;
    return text;
  };
}
