import { brokenSyntax } from "../scan/broken-syntax.ts";
import { MarkerSet } from "../scan/marker-set.ts";
import type { Parsing, TextCursor } from "../scan/text-cursor.ts";

const ends: ReadonlyMap<string, MarkerSet> = new Map(
  ['"', "'", '"""', "'''"].map((quote) => [quote, new MarkerSet([quote, "\\"])]),
);
const plain: ReadonlyMap<string, string> = new Map([
  ["\\", "\\"],
  ["'", "'"],
  ['"', '"'],
  ["\n", ""],
  ["a", "\x07"],
  ["b", "\b"],
  ["f", "\f"],
  ["n", "\n"],
  ["r", "\r"],
  ["t", "\t"],
  ["v", "\v"],
]);
const hexLengths: ReadonlyMap<string, number> = new Map([
  ["x", 2],
  ["u", 4],
  ["U", 8],
]);

/**
 * A string literal and those directly behind it, which Python joins; the cursor stands at the quote, behind `prefix`.
 * Line breaks within single quotes are taken as they are, which Python does not: models write them.
 */
export function* readPythonString(cursor: TextCursor, prefix: string): Parsing<string> {
  let text = yield* readOne(cursor, prefix.toLowerCase().includes("r"));
  for (;;) {
    // Blanks between values mean nothing to any caller.
    yield* cursor.takeBlanks();
    const next = yield* cursor.peek();
    if (next !== '"' && next !== "'") return text;
    text += yield* readOne(cursor, false);
  }
}

function* readOne(cursor: TextCursor, isRaw: boolean): Parsing<string> {
  let quote = cursor.take(1);
  if (yield* cursor.accept(quote + quote)) quote = quote.repeat(3);
  else if (yield* cursor.accept(quote)) return "";
  const markers = ends.get(quote) as MarkerSet;
  let text = "";
  for (;;) {
    const marker = yield* cursor.passUntil(markers, (piece) => {
      text += piece;
    });
    if (marker === "") throw brokenSyntax;
    cursor.take(marker.length);
    if (marker === quote) return text;
    text += yield* readEscape(cursor, isRaw);
  }
}

function* readEscape(cursor: TextCursor, isRaw: boolean): Parsing<string> {
  const unit = yield* cursor.peek();
  if (unit === "") throw brokenSyntax;
  if (isRaw) return `\\${cursor.take(1)}`;
  const known = plain.get(unit);
  if (known !== undefined) {
    cursor.take(1);
    return known;
  }
  const hexLength = hexLengths.get(unit);
  if (hexLength !== undefined) {
    cursor.take(1);
    let digits = "";
    while (digits.length < hexLength && /[\da-f]/i.test(yield* cursor.peek())) {
      digits += cursor.take(1);
    }
    const point = Number.parseInt(digits, 16);
    if (digits.length < hexLength || point > 0x10ffff) return `\\${unit}${digits}`;
    return String.fromCodePoint(point);
  }
  if (/[0-7]/.test(unit)) {
    let digits = "";
    while (digits.length < 3 && /[0-7]/.test(yield* cursor.peek())) digits += cursor.take(1);
    return String.fromCharCode(Number.parseInt(digits, 8));
  }
  // An escape that Python does not know stays as it is written.
  return "\\";
}
