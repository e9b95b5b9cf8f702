/** What an answer must look like. Plain JSON: crosses threads and processes as it is. */
export type GrammarSpec =
  /** A JSON document that is valid under the schema (2020-12, local references). `{}` = any JSON. */
  | {
      readonly kind: "json";
      readonly schema: unknown;
      /** What may stand between JSON's tokens, as a regular expression; `null` = a space, or a line break with its indentation. */
      readonly whitespacePattern: string | null;
    }
  /** The whole text matches (JavaScript's syntax, no lookaround, no back references). */
  | { readonly kind: "regex"; readonly pattern: string }
  /** One of these texts, exactly. */
  | { readonly kind: "choice"; readonly choices: readonly string[] }
  /** GBNF, which xgrammar's EBNF is too: `root ::= ...`. */
  | { readonly kind: "ebnf"; readonly grammar: string }
  /** xgrammar's structural tags, as an object or as its JSON text. */
  | { readonly kind: "structural_tag"; readonly tag: unknown };
