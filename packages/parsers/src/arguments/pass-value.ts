// One argument's value in a format of tags: strings are let out as they come, other kinds when they are complete.
import { brokenSyntax } from "../scan/broken-syntax.ts";
import type { MarkerSet } from "../scan/marker-set.ts";
import type { Parsing, TextCursor } from "../scan/text-cursor.ts";
import { decodeEntities, maxEntityLength } from "./decode-entities.ts";

/** `null` and the blanks around it. */
const maxNullLength = 64;

/** What is dropped around a value: all blanks, one line break on each side, or nothing. */
export type Trim = "blanks" | "line-breaks" | "none";

export interface StringValue {
  readonly trim: Trim;
  readonly hasEntities: boolean;
  /** The word `null` alone is null. */
  readonly canBeNull: boolean;
}

/** Takes a string up to one of `ends`, which is not taken but returned; `receive` gets its JSON as it comes. */
export function* passString(
  cursor: TextCursor,
  ends: MarkerSet,
  value: StringValue,
  receive: (json: string) => void,
): Parsing<string> {
  const text = new StringText(value, receive);
  const end = yield* cursor.passUntil(ends, (piece) => text.add(piece));
  if (end === "") throw brokenSyntax;
  text.end();
  return end;
}

class StringText {
  readonly #value: StringValue;
  readonly #receive: (json: string) => void;
  #isOpen = false;
  /** What may still be the word `null`. */
  #word = "";
  #isWord: boolean;
  /** Blanks that are dropped if the value ends behind them. */
  #blanks = "";
  #hasBegun = false;
  /** The beginning of an entity. */
  #entity = "";

  constructor(value: StringValue, receive: (json: string) => void) {
    this.#value = value;
    this.#receive = receive;
    this.#isWord = value.canBeNull;
  }

  add(piece: string): void {
    let text = piece;
    if (this.#isWord) {
      text = this.#word + piece;
      if (text.length <= maxNullLength && "null".startsWith(text.trim())) {
        this.#word = text;
        return;
      }
      this.#isWord = false;
      this.#word = "";
    }
    if (this.#value.trim !== "none") text = this.#trim(text);
    if (text !== "") this.#decode(text);
  }

  end(): void {
    if (this.#isWord && this.#word.trim() === "null") {
      this.#receive("null");
      return;
    }
    if (this.#word !== "") this.#decode(trimValue(this.#word, this.#value.trim));
    this.#letOut(this.#entity);
    this.#receive(this.#isOpen ? '"' : '""');
  }

  #trim(piece: string): string {
    if (this.#value.trim === "line-breaks") return this.#trimLineBreaks(piece);
    const isStart = !this.#isOpen && this.#entity === "";
    const text = isStart ? piece.trimStart() : piece;
    const kept = text.trimEnd();
    if (kept === "") {
      if (!isStart) this.#blanks += text;
      return "";
    }
    const all = this.#blanks + kept;
    this.#blanks = text.slice(kept.length);
    return all;
  }

  #trimLineBreaks(piece: string): string {
    const begin = !this.#hasBegun && piece.startsWith("\n") ? 1 : 0;
    this.#hasBegun = true;
    const text = this.#blanks + piece.slice(begin);
    this.#blanks = text.endsWith("\n") ? "\n" : "";
    return text.slice(0, text.length - this.#blanks.length);
  }

  #decode(text: string): void {
    if (!this.#value.hasEntities) {
      this.#letOut(text);
      return;
    }
    const all = this.#entity + text;
    const begin = all.lastIndexOf("&");
    const isOpen =
      begin !== -1 && all.length - begin < maxEntityLength && !all.includes(";", begin);
    this.#entity = isOpen ? all.slice(begin) : "";
    this.#letOut(decodeEntities(isOpen ? all.slice(0, begin) : all));
  }

  #letOut(text: string): void {
    if (text === "") return;
    const quote = this.#isOpen ? "" : '"';
    this.#isOpen = true;
    this.#receive(quote + escapeString(text));
  }
}

/** A whole value without what is dropped around it. */
export function trimValue(text: string, trim: Trim): string {
  if (trim === "none") return text;
  return trim === "blanks" ? text.trim() : text.replace(/^\n/, "").replace(/\n$/, "");
}

/** The inside of a JSON string. Halves of surrogate pairs pass, so that a cut between them leaves no trace. */
export function escapeString(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what JSON forbids.
  return text.replace(/["\\\u0000-\u001f]/g, (unit) => JSON.stringify(unit).slice(1, -1));
}
