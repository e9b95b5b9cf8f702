// The inside of a quoted string, as models write it, to the inside of a strict JSON string.
import type { ReadStep } from "../scan/text-cursor.ts";

const plainEscapes = '"\\/bfnrt';

export class LenientString {
  readonly #quote: string;
  /** An escape that is not complete: a backslash and what came behind it. */
  #escape = "";
  #output = "";

  constructor(quote: string) {
    this.#quote = quote;
  }

  takeOutput(): string {
    const output = this.#output;
    this.#output = "";
    return output;
  }

  /** Takes up to and with the closing quote (`isDone`), or to `to`. */
  read(text: string, from: number, to: number): ReadStep {
    let at = from;
    while (at < to) {
      if (this.#escape !== "") {
        if (this.#readEscape(text.charAt(at))) at++;
        continue;
      }
      const start = at;
      while (at < to && !this.#isSpecial(text.charCodeAt(at))) at++;
      if (at > start) this.#output += text.slice(start, at);
      if (at === to) break;
      const unit = text.charAt(at++);
      if (unit === this.#quote) {
        this.#output += '"';
        return { end: at, isDone: true };
      }
      if (unit === "\\") this.#escape = unit;
      else this.#output += escapeUnit(unit);
    }
    return { end: at, isDone: false };
  }

  /** Whether the unit belongs to the escape and is taken. */
  #readEscape(unit: string): boolean {
    const kind = this.#escape.charAt(1);
    if (kind === "") {
      if (unit === "u" || unit === "x") {
        this.#escape += unit;
      } else {
        this.#escape = "";
        if (plainEscapes.includes(unit)) this.#output += `\\${unit}`;
        else if (unit === "'") this.#output += unit;
        // No escape of JSON: the backslash means itself, and the unit is read as any other.
        else return this.#giveBack("\\");
      }
      return true;
    }
    if (!/[0-9a-fA-F]/.test(unit)) return this.#giveBack(this.#escape);
    this.#escape += unit;
    const length = kind === "u" ? 6 : 4;
    if (this.#escape.length === length) {
      this.#output += kind === "u" ? this.#escape : `\\u00${this.#escape.slice(2)}`;
      this.#escape = "";
    }
    return true;
  }

  #giveBack(begun: string): false {
    this.#output += `\\${begun}`;
    this.#escape = "";
    return false;
  }

  #isSpecial(code: number): boolean {
    return code < 32 || code === 92 || code === 34 || (code === 39 && this.#quote === "'");
  }
}

/** A unit that a strict JSON string cannot hold as it is. */
function escapeUnit(unit: string): string {
  return JSON.stringify(unit).slice(1, -1);
}
