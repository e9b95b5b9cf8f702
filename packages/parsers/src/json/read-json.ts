import { brokenSyntax } from "../scan/broken-syntax.ts";
import type { Parsing, TextCursor } from "../scan/text-cursor.ts";
import { LenientJson } from "./lenient-json.ts";

/** Takes one JSON value; `receive` gets it as strict JSON, as it comes. No value: the syntax is broken. */
export function* passJson(
  cursor: TextCursor,
  receive: (json: string) => void,
  kind: "value" | "key" = "value",
): Parsing {
  const json = new LenientJson(kind);
  const isDone = yield* cursor.readWith((text, from, to) => {
    const step = json.read(text, from, to);
    const output = json.takeOutput();
    if (output !== "") receive(output);
    return step;
  });
  if (isDone ? json.isBroken : !json.end()) throw brokenSyntax;
  const rest = json.takeOutput();
  if (rest !== "") receive(rest);
}

/** Takes one JSON value; gives it as strict JSON text. */
export function* readJson(cursor: TextCursor, kind: "value" | "key" = "value"): Parsing<string> {
  let json = "";
  yield* passJson(
    cursor,
    (piece) => {
      json += piece;
    },
    kind,
  );
  return json;
}

/** Takes the key of an object, quoted or bare. */
export function* readKey(cursor: TextCursor): Parsing<string> {
  return JSON.parse(yield* readJson(cursor, "key")) as string;
}

/** The whole text as strict JSON, blanks around it dropped; null when it is none. */
export function textToJson(text: string): string | null {
  const trimmed = text.trim();
  const json = new LenientJson();
  const { end } = json.read(trimmed, 0, trimmed.length);
  if (!json.end() || end < trimmed.length) return null;
  return json.takeOutput();
}
