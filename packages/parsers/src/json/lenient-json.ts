// Reads one JSON value as models write it and gives out strict JSON, piece by piece. What is strict already passes
// byte for byte; numbers stay text. Mended: raw control characters, single quotes, wrong escapes, trailing commas,
// bare keys, Python's and JavaScript's literals, loose numbers. Never guesses missing structure.
import { isBlank, type ReadStep } from "../scan/text-cursor.ts";
import { LenientString } from "./lenient-string.ts";
import { literalToJson } from "./literal-to-json.ts";

const maxDepth = 512;

/** What may come next. In `next-*` a comma was read and is given out once something follows it. */
type Expected =
  | "value"
  | "first-value"
  | "next-value"
  | "first-key"
  | "next-key"
  | "colon"
  | "comma";

export class LenientJson {
  /** What is open, innermost last: the unit that closes it. */
  readonly #open: string[] = [];
  #expected: Expected;
  #string: LenientString | null = null;
  #token = "";
  #heldComma = "";
  #output = "";
  #isDone = false;
  #isBroken = false;

  /** `key` reads a key of an object: a string, or a bare word that becomes one. */
  constructor(kind: "value" | "key" = "value") {
    this.#expected = kind === "key" ? "first-key" : "value";
  }

  /** The text cannot be JSON: nothing more is read. */
  get isBroken(): boolean {
    return this.#isBroken;
  }

  /** Strict JSON since the last call. */
  takeOutput(): string {
    const output = this.#output;
    this.#output = "";
    return output;
  }

  /** Takes from the text until the value is complete or broken (`isDone`) or `to` is reached. */
  read(text: string, from: number, to: number): ReadStep {
    let at = from;
    while (at < to && !this.#isDone) {
      if (this.#string !== null) {
        const { end, isDone } = this.#string.read(text, at, to);
        this.#output += this.#string.takeOutput();
        at = end;
        if (isDone) this.#endString();
      } else if (isTokenUnit(text.charCodeAt(at))) {
        let end = at + 1;
        while (end < to && isTokenUnit(text.charCodeAt(end))) end++;
        this.#token += text.slice(at, end);
        at = end;
      } else {
        // A token ends at the unit behind it, which is looked at once more.
        if (this.#token !== "") this.#endToken();
        if (this.#isDone || !this.#readUnit(text.charAt(at))) break;
        at++;
      }
    }
    return { end: at, isDone: this.#isDone };
  }

  /** The text is over: a bare token at its end is complete now. True when the value is. */
  end(): boolean {
    if (this.#token !== "") this.#endToken();
    return this.#isDone && !this.#isBroken;
  }

  get #isKeyNext(): boolean {
    return this.#expected === "first-key" || this.#expected === "next-key";
  }

  get #isValueNext(): boolean {
    return (
      this.#expected === "value" ||
      this.#expected === "first-value" ||
      this.#expected === "next-value"
    );
  }

  /** Whether the unit was taken. */
  #readUnit(unit: string): boolean {
    if (isBlank(unit)) {
      if (this.#heldComma === "") this.#output += unit;
      else this.#heldComma += unit;
      return true;
    }
    switch (unit) {
      case '"':
      case "'":
        if (!this.#isKeyNext && !this.#isValueNext) return this.#break();
        this.#releaseComma();
        this.#string = new LenientString(unit);
        this.#output += '"';
        return true;
      case "{":
      case "[":
        if (!this.#isValueNext || this.#open.length === maxDepth) return this.#break();
        this.#releaseComma();
        this.#output += unit;
        this.#open.push(unit === "{" ? "}" : "]");
        this.#expected = unit === "{" ? "first-key" : "first-value";
        return true;
      case "}":
      case "]":
        return this.#close(unit);
      case ",":
        if (this.#expected !== "comma") return this.#break();
        this.#heldComma = ",";
        this.#expected = this.#open.at(-1) === "}" ? "next-key" : "next-value";
        return true;
      case ":":
        if (this.#expected !== "colon") return this.#break();
        this.#output += unit;
        this.#expected = "value";
        return true;
      default:
        return this.#break();
    }
  }

  #close(unit: string): boolean {
    if (this.#open.at(-1) !== unit || this.#expected === "value" || this.#expected === "colon") {
      return this.#break();
    }
    this.#open.pop();
    // A comma before the end is dropped, the blanks behind it are not.
    this.#output += this.#heldComma.slice(1) + unit;
    this.#heldComma = "";
    this.#endValue();
    return true;
  }

  #endString(): void {
    this.#string = null;
    if (this.#isKeyNext) this.#endKey();
    else this.#endValue();
  }

  #endToken(): void {
    const token = this.#token;
    this.#token = "";
    const json = this.#isKeyNext ? JSON.stringify(token) : literalToJson(token);
    if (json === null || !(this.#isKeyNext || this.#isValueNext)) {
      this.#break();
      return;
    }
    this.#releaseComma();
    this.#output += json;
    if (this.#isKeyNext) this.#endKey();
    else this.#endValue();
  }

  #endKey(): void {
    if (this.#open.length === 0) this.#isDone = true;
    this.#expected = "colon";
  }

  #endValue(): void {
    if (this.#open.length === 0) this.#isDone = true;
    this.#expected = "comma";
  }

  #releaseComma(): void {
    this.#output += this.#heldComma;
    this.#heldComma = "";
  }

  #break(): false {
    this.#isBroken = true;
    this.#isDone = true;
    return false;
  }
}

/** Letters, digits and `_ $ + - .`: what numbers, literals and bare keys are made of. */
function isTokenUnit(code: number): boolean {
  return (
    (code >= 97 && code <= 122) ||
    (code >= 48 && code <= 57) ||
    (code >= 65 && code <= 90) ||
    code === 45 ||
    code === 46 ||
    code === 43 ||
    code === 95 ||
    code === 36
  );
}
