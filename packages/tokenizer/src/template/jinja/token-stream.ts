import { TemplateSyntaxError, type Token } from "./token.ts";

export class TokenStream {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  get current(): Token {
    return this.#tokens[this.#at] as Token;
  }

  get following(): Token {
    return this.#tokens[Math.min(this.#at + 1, this.#tokens.length - 1)] as Token;
  }

  next(): Token {
    const token = this.current;
    if (token.type !== "eof") this.#at++;
    return token;
  }

  is(type: "operator" | "name" | "begin" | "end", value: string): boolean {
    return this.current.type === type && this.current.value === value;
  }

  isOperator(value: string): boolean {
    return this.is("operator", value);
  }

  isName(...values: string[]): boolean {
    return this.current.type === "name" && values.includes(this.current.value);
  }

  skip(type: "operator" | "name", value: string): boolean {
    if (!this.is(type, value)) return false;
    this.#at++;
    return true;
  }

  expect(type: "operator" | "name" | "begin" | "end", value: string): void {
    if (!this.is(type, value)) throw this.error(`expected ${value}, found ${this.#show()}`);
    this.#at++;
  }

  expectName(): string {
    if (this.current.type !== "name") throw this.error(`expected a name, found ${this.#show()}`);
    return this.next().value;
  }

  error(message: string): TemplateSyntaxError {
    return new TemplateSyntaxError(message, this.current.line);
  }

  #show(): string {
    return this.current.type === "eof" ? "the end of the template" : `"${this.current.value}"`;
  }
}
