// Jinja source to tokens, with trim_blocks and lstrip_blocks on, as transformers sets them.
import { stripRight } from "../python-text.ts";
import { readStringLiteral } from "./string-literal.ts";
import { TemplateSyntaxError, type Token, type TokenType } from "./token.ts";

const operators = ["**", "//", "==", "!=", "<=", ">=", ..."+-/*%~[](){}<>=.:|,;"];
const closers: Readonly<Record<string, string>> = { "(": ")", "[": "]", "{": "}" };
const number = /(?:\d+(?:_\d+)*)(\.\d+(?:_\d+)*)?([eE][+-]?\d+)?/y;
const name = /[\p{L}\p{Nl}_][\p{L}\p{Nl}\p{Mn}\p{Mc}\p{Nd}\p{Pc}]*/uy;
const rawEnd = /\{%([-+]?)\s*endraw\s*(\+|-)?%\}/g;

export function tokenize(source: string): Token[] {
  const text = source.replace(/\r\n?/g, "\n").replace(/\n$/, "");
  return new Lexer(text).run();
}

class Lexer {
  readonly #text: string;
  readonly #tokens: Token[] = [];
  #at = 0;
  #line = 1;
  #lineAt = 0;
  /** Nothing but the start or a newline stands before `#at`. */
  #lineStarting = true;

  constructor(text: string) {
    this.#text = text;
  }

  run(): Token[] {
    while (this.#at < this.#text.length) {
      const open = this.#findOpen();
      if (open === -1) {
        this.#push("data", this.#text.slice(this.#at));
        this.#at = this.#text.length;
        break;
      }
      this.#readData(open);
      if (this.#text.startsWith("{#", open)) this.#skipComment(open);
      else if (!this.#readRaw(open)) this.#readTag(open);
    }
    this.#push("eof", "");
    return this.#tokens;
  }

  #findOpen(): number {
    for (let at = this.#at; ; at++) {
      at = this.#text.indexOf("{", at);
      if (at === -1) return -1;
      const next = this.#text[at + 1];
      if (next === "{" || next === "%" || next === "#") return at;
    }
  }

  /** The text before a tag, less what the tag's sign or lstrip_blocks takes away. */
  #readData(open: number): void {
    let data = this.#text.slice(this.#at, open);
    const sign = this.#text[open + 2];
    if (sign === "-") {
      data = stripRight(data);
    } else if (sign !== "+" && this.#text[open + 1] !== "{") {
      const lineAt = data.lastIndexOf("\n") + 1;
      const indent = data.slice(lineAt);
      if ((lineAt > 0 || this.#lineStarting) && indent !== "" && stripRight(indent) === "") {
        data = data.slice(0, lineAt);
      }
    }
    if (data !== "") this.#push("data", data);
  }

  #skipComment(open: number): void {
    const close = this.#text.indexOf("#}", open + 2);
    if (close === -1) throw this.#error("a comment is not closed by #}", open);
    this.#skipBehind(close + 2, this.#text[close - 1] ?? "", true);
  }

  /** Behind a closing tag: `-` takes all white space, `+` nothing, otherwise a block takes one newline. */
  #skipBehind(at: number, sign: string, isBlock: boolean): void {
    let end = at;
    if (sign === "-") while (end < this.#text.length && /\s/.test(this.#text[end] ?? "")) end++;
    else if (sign !== "+" && isBlock && this.#text[end] === "\n") end++;
    this.#lineStarting = this.#text[end - 1] === "\n";
    this.#at = end;
  }

  #readRaw(open: number): boolean {
    const begin = /\{%[-+]?\s*raw\s*(-?)%\}/y;
    begin.lastIndex = open;
    const match = begin.exec(this.#text);
    if (match === null) return false;
    let from = open + match[0].length;
    if (match[1] === "-") while (/\s/.test(this.#text[from] ?? "")) from++;
    rawEnd.lastIndex = from;
    const end = rawEnd.exec(this.#text);
    if (end === null) throw this.#error("raw is not closed by endraw", open);
    const data = this.#text.slice(from, end.index);
    const lineAt = data.lastIndexOf("\n") + 1;
    const indentOnly = lineAt > 0 && stripRight(data.slice(lineAt)) === "";
    if (end[1] === "-") this.#push("data", stripRight(data));
    else this.#push("data", end[1] !== "+" && indentOnly ? data.slice(0, lineAt) : data);
    this.#skipBehind(end.index + end[0].length, end[2] ?? "", true);
    return true;
  }

  #readTag(open: number): void {
    const isBlock = this.#text[open + 1] === "%";
    const close = isBlock ? "%}" : "}}";
    this.#at = open;
    this.#push("begin", isBlock ? "{%" : "{{");
    this.#at = open + 2;
    if (this.#text[this.#at] === "-" || (isBlock && this.#text[this.#at] === "+")) this.#at++;
    const closing: string[] = [];
    for (;;) {
      while (/\s/.test(this.#text[this.#at] ?? "")) this.#at++;
      if (this.#at >= this.#text.length) throw this.#error(`a tag is not closed by ${close}`, open);
      if (closing.length === 0 && this.#readEnd(close, isBlock)) return;
      this.#readInner(closing);
    }
  }

  #readEnd(close: string, isBlock: boolean): boolean {
    const first = this.#text[this.#at] ?? "";
    const signed = first === "-" || (isBlock && first === "+");
    const at = signed ? this.#at + 1 : this.#at;
    if (!this.#text.startsWith(close, at)) return false;
    this.#push("end", close);
    this.#skipBehind(at + 2, signed ? first : "", isBlock);
    return true;
  }

  #readInner(closing: string[]): void {
    const first = this.#text[this.#at] ?? "";
    if (first === '"' || first === "'") {
      const literal = readStringLiteral(this.#text, this.#at);
      if (literal === null) throw this.#error("a string is not closed", this.#at);
      this.#push("string", literal.value);
      this.#at = literal.end;
      return;
    }
    // `a.0.1` holds two integers, no float.
    const behindDot =
      this.#tokens.at(-1)?.value === "." && this.#tokens.at(-1)?.type === "operator";
    const digits = behindDot ? this.#match(/\d+/y) : this.#match(number);
    if (digits !== null) {
      const isFloat = digits[1] !== undefined || digits[2] !== undefined;
      this.#take(isFloat ? "float" : "integer", digits[0]);
      return;
    }
    const word = this.#match(name);
    if (word !== null) {
      this.#take("name", word[0]);
      return;
    }
    const operator = operators.find((text) => this.#text.startsWith(text, this.#at));
    if (operator === undefined) throw this.#error(`unexpected character ${first}`, this.#at);
    const expected = closers[operator];
    if (expected !== undefined) closing.push(expected);
    else if (operator === ")" || operator === "]" || operator === "}") {
      if (closing.pop() !== operator) throw this.#error(`unexpected ${operator}`, this.#at);
    }
    this.#take("operator", operator);
  }

  #match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#at;
    return pattern.exec(this.#text);
  }

  #take(type: TokenType, text: string): void {
    this.#push(type, text);
    this.#at += text.length;
  }

  #push(type: TokenType, value: string): void {
    for (; this.#lineAt < this.#at; this.#lineAt++) {
      if (this.#text.charCodeAt(this.#lineAt) === 10) this.#line++;
    }
    this.#tokens.push({ type, value, line: this.#line });
  }

  #error(message: string, at: number): TemplateSyntaxError {
    return new TemplateSyntaxError(message, this.#text.slice(0, at).split("\n").length);
  }
}
