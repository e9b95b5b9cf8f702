// One Python literal as JSON: strings, numbers, booleans, None, lists, tuples, sets, dicts. No names, calls, operators.
import { brokenSyntax } from "../scan/broken-syntax.ts";
import type { Parsing, TextCursor } from "../scan/text-cursor.ts";
import { pythonNumber } from "./python-number.ts";
import { readPythonString } from "./python-string.ts";

const maxDepth = 128;
const maxWordLength = 100_000;
const words: ReadonlyMap<string, string> = new Map([
  ["True", "true"],
  ["False", "false"],
  ["None", "null"],
  ["true", "true"],
  ["false", "false"],
  ["null", "null"],
]);

/** Numbers keep their digits: one beyond 2^53 stays exact. */
export function* readPythonValue(cursor: TextCursor, depth = 0): Parsing<string> {
  if (depth > maxDepth) throw brokenSyntax;
  const unit = yield* cursor.peek();
  switch (unit) {
    case '"':
    case "'":
      return JSON.stringify(yield* readPythonString(cursor, ""));
    case "[":
      return `[${(yield* readItems(cursor, "]", depth)).items.join(",")}]`;
    case "(":
      return yield* readParentheses(cursor, depth);
    case "{":
      return yield* readBraces(cursor, depth);
    case "-":
    case "+": {
      cursor.take(1);
      yield* cursor.takeBlanks();
      const json = yield* readPythonValue(cursor, depth + 1);
      if (!/^-?\d/.test(json)) throw brokenSyntax;
      if (unit === "+") return json;
      return json.startsWith("-") ? json.slice(1) : `-${json}`;
    }
    default:
      return yield* readWord(cursor);
  }
}

function* readWord(cursor: TextCursor): Parsing<string> {
  let word = yield* cursor.takeWhile((unit) => /[\w.]/.test(unit), maxWordLength);
  const next = yield* cursor.peek();
  if ((next === '"' || next === "'") && /^(?:r|u|b|rb|br)$/i.test(word)) {
    return JSON.stringify(yield* readPythonString(cursor, word));
  }
  if (/^[\d.][\d_.]*e$/i.test(word) && (next === "+" || next === "-")) {
    word += cursor.take(1) + (yield* cursor.takeWhile((unit) => /[\d_]/.test(unit), maxWordLength));
  }
  const json = words.get(word) ?? pythonNumber(word);
  if (json === null) throw brokenSyntax;
  return json;
}

/** A tuple is an array; parentheses around one value are nothing. */
function* readParentheses(cursor: TextCursor, depth: number): Parsing<string> {
  const { items, hasComma } = yield* readItems(cursor, ")", depth);
  return items.length === 1 && !hasComma ? (items[0] as string) : `[${items.join(",")}]`;
}

function* readItems(
  cursor: TextCursor,
  closer: string,
  depth: number,
): Parsing<{ items: string[]; hasComma: boolean }> {
  cursor.take(1);
  const items: string[] = [];
  let hasComma = false;
  yield* cursor.takeBlanks();
  while (!(yield* cursor.accept(closer))) {
    items.push(yield* readPythonValue(cursor, depth + 1));
    yield* cursor.takeBlanks();
    if (!(yield* cursor.accept(","))) {
      yield* cursor.expect(closer);
      break;
    }
    hasComma = true;
    yield* cursor.takeBlanks();
  }
  return { items, hasComma };
}

/** A dict, or a set as an array. */
function* readBraces(cursor: TextCursor, depth: number): Parsing<string> {
  cursor.take(1);
  const items: string[] = [];
  let isSet = false;
  yield* cursor.takeBlanks();
  while (!(yield* cursor.accept("}"))) {
    const key = yield* readPythonValue(cursor, depth + 1);
    yield* cursor.takeBlanks();
    const hasValue = yield* cursor.accept(":");
    if (items.length > 0 && hasValue === isSet) throw brokenSyntax;
    isSet = !hasValue;
    if (hasValue) {
      if (key.startsWith("[") || key.startsWith("{")) throw brokenSyntax;
      yield* cursor.takeBlanks();
      const value = yield* readPythonValue(cursor, depth + 1);
      items.push(`${key.startsWith('"') ? key : JSON.stringify(key)}:${value}`);
    } else {
      items.push(key);
    }
    yield* cursor.takeBlanks();
    if (!(yield* cursor.accept(","))) {
      yield* cursor.expect("}");
      break;
    }
    yield* cursor.takeBlanks();
  }
  return isSet ? `[${items.join(",")}]` : `{${items.join(",")}}`;
}
