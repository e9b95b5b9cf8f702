export type TokenType =
  | "data"
  | "begin"
  | "end"
  | "name"
  | "string"
  | "integer"
  | "float"
  | "operator"
  | "eof";

export interface Token {
  readonly type: TokenType;
  /** For begin and end: `{{`, `}}`, `{%`, `%}`. For a string: its value, escapes resolved. */
  readonly value: string;
  readonly line: number;
}

export class TemplateSyntaxError extends Error {
  constructor(message: string, line: number) {
    super(`line ${line}: ${message}`);
    this.name = "TemplateSyntaxError";
  }
}
