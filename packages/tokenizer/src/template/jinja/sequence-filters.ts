// Filters over lists.
import { getItem } from "./attributes.ts";
import type { Filter } from "./filter.ts";
import { applyBinary, compareValues, isEqual } from "./operators.ts";
import {
  dictEntries,
  isDict,
  isTruthy,
  PythonTuple,
  TemplateRuntimeError,
  toCharacters,
  toItems,
  toNumber,
  toText,
} from "./python-value.ts";
import { readArguments } from "./read-arguments.ts";
import { findTest } from "./value-tests.ts";

export const sequenceFilters = new Map<string, Filter>();

function define(
  name: string,
  parameters: readonly string[],
  filter: (value: unknown, args: readonly unknown[]) => unknown,
): void {
  sequenceFilters.set(name, (value, args, named) =>
    filter(value, readArguments(name, parameters, args, named)),
  );
}

/** `a.b.0`, or an index. `fallback` takes the place of what is undefined, at each step. */
export function readPath(item: unknown, path: unknown, fallback?: unknown): unknown {
  if (typeof path !== "string") {
    const found = getItem(item, path);
    return found === undefined ? fallback : found;
  }
  let at = item;
  for (const part of path.split(".")) {
    const found = getItem(at, /^\d+$/.test(part) ? Number(part) : part);
    at = found === undefined ? fallback : found;
  }
  return at;
}

/** Strings compare without case unless asked otherwise. */
function sortKey(value: unknown, caseSensitive: unknown): unknown {
  return typeof value === "string" && !isTruthy(caseSensitive) ? value.toLowerCase() : value;
}

function sorted(
  items: readonly unknown[],
  key: (item: unknown) => unknown,
  reverse: unknown,
): unknown[] {
  const keyed = items.map((item) => ({ item, key: key(item) }));
  // Reversed order keeps equal items in their order, as Python does.
  keyed.sort((a, b) =>
    isTruthy(reverse) ? compareValues(b.key, a.key) : compareValues(a.key, b.key),
  );
  return keyed.map(({ item }) => item);
}

define("list", [], (value) => [...toItems(value)]);
define("first", [], (value) => toItems(value)[0]);
define("last", [], (value) => toItems(value).at(-1));
define("reverse", [], (value) =>
  typeof value === "string"
    ? toCharacters(value).reverse().join("")
    : [...toItems(value)].reverse());
define("join", ["d", "attribute"], (value, [separator, attribute]) =>
  toItems(value)
    .map((item) =>
      toText(attribute === undefined || attribute === null ? item : readPath(item, attribute)),
    )
    .join(toText(separator)));
define("sort", ["reverse", "case_sensitive", "attribute"], (
  value,
  [reverse, sensitive, attribute],
) => {
  const key = (item: unknown) =>
    attribute === undefined || attribute === null
      ? sortKey(item, sensitive)
      : String(attribute).includes(",")
        ? String(attribute)
            .split(",")
            .map((part) => sortKey(readPath(item, part), sensitive))
        : sortKey(readPath(item, attribute), sensitive);
  return sorted(toItems(value), key, reverse);
});
define("dictsort", ["case_sensitive", "by", "reverse"], (value, [sensitive, by, reverse]) => {
  if (!isDict(value)) throw new TemplateRuntimeError("dictsort needs a mapping");
  const at = by === "value" ? 1 : 0;
  const entries = dictEntries(value).map((entry) => PythonTuple.fromItems(entry));
  return sorted(entries, (entry) => sortKey((entry as PythonTuple)[at], sensitive), reverse);
});
define("unique", ["case_sensitive", "attribute"], (value, [sensitive, attribute]) => {
  const seen: unknown[] = [];
  return toItems(value).filter((item) => {
    const path = attribute === undefined || attribute === null ? item : readPath(item, attribute);
    const key = sortKey(path, sensitive);
    if (seen.some((other) => isEqual(other, key))) return false;
    seen.push(key);
    return true;
  });
});
define("min", ["case_sensitive", "attribute"], (value, [sensitive, attribute]) =>
  extreme(toItems(value), -1, sensitive, attribute));
define("max", ["case_sensitive", "attribute"], (value, [sensitive, attribute]) =>
  extreme(toItems(value), 1, sensitive, attribute));
define("sum", ["attribute", "start"], (value, [attribute, start]) =>
  toItems(value)
    .map((item) =>
      attribute === undefined || attribute === null ? item : readPath(item, attribute),
    )
    .reduce((sum, item) => applyBinary("+", sum, item), start ?? 0));
define("batch", ["linecount", "fill_with"], (value, [count, fill]) => {
  const size = toNumber(count) ?? 1;
  const items = toItems(value);
  const rows = Array.from({ length: Math.ceil(items.length / size) }, (_, row) =>
    items.slice(row * size, (row + 1) * size),
  );
  if (fill === undefined || fill === null) return rows;
  return rows.map((row) => [...row, ...Array.from({ length: size - row.length }, () => fill)]);
});
define("groupby", ["attribute", "default", "case_sensitive"], (
  value,
  [attribute, fallback, sensitive],
) => {
  const keyOf = (item: unknown) => readPath(item, attribute, fallback);
  const items = sorted(toItems(value), (item) => sortKey(keyOf(item), sensitive), false);
  const groups: { key: unknown; items: unknown[] }[] = [];
  for (const item of items) {
    const last = groups.at(-1);
    const key = keyOf(item);
    if (last !== undefined && isEqual(sortKey(last.key, sensitive), sortKey(key, sensitive))) {
      last.items.push(item);
    } else groups.push({ key, items: [item] });
  }
  return groups.map(({ key, items: members }) => PythonTuple.fromItems([key, members]));
});

function extreme(
  items: readonly unknown[],
  sign: number,
  sensitive: unknown,
  attribute: unknown,
): unknown {
  const key = (item: unknown) =>
    sortKey(
      attribute === undefined || attribute === null ? item : readPath(item, attribute),
      sensitive,
    );
  const [first, ...rest] = items;
  return rest.reduce(
    (best, item) => (sign * compareValues(key(item), key(best)) > 0 ? item : best),
    first,
  );
}

function defineSelection(name: string, keeps: boolean, byAttribute: boolean): void {
  sequenceFilters.set(name, (value, args) => {
    const [path, ...behind] = byAttribute ? args : [undefined, ...args];
    const [testName, ...rest] = behind;
    const test = testName === undefined ? isTruthy : findTest(String(testName));
    if (test === undefined) throw new TemplateRuntimeError(`No test named '${String(testName)}'.`);
    if (!isTruthy(value)) return [];
    return toItems(value).filter(
      (item) => test(byAttribute ? readPath(item, path) : item, ...rest) === keeps,
    );
  });
}

defineSelection("select", true, false);
defineSelection("reject", false, false);
defineSelection("selectattr", true, true);
defineSelection("rejectattr", false, true);
