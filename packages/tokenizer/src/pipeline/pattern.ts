// Patterns of tokenizer.json are Oniguruma's; this turns those that are in use into JavaScript's.
// What it does not know for certain it refuses, so that no text is split wrongly in silence.
import type { JsonObject } from "../file/tokenizer-json.ts";
import { propertyToClass } from "../unicode/code-point-class.ts";

/** Other characters that an ignored case makes equal to an ASCII letter. */
const FOLDED: Readonly<Record<string, string>> = { k: "\u212a", s: "\u017f" };
const CLASSES: Readonly<Record<string, string>> = {
  s: "\\p{White_Space}",
  S: "\\P{White_Space}",
  d: propertyToClass("Nd"),
  D: propertyToClass("Nd", true),
};
/** What must be escaped in a class under the flag "v". */
const CLASS_SYNTAX = /[&\-!#%,:;<=>@`~^$\\.*+?()[\]{}|/]/;
const KNOWN_PROPERTIES =
  /^\^?(?:[LMNPSZC]|L[ultmo]|M[nce]|N[dlo]|P[cdseifo]|S[mcko]|Z[slp]|C[cfsno])$/;
const SCRIPTS = /^(?:Han|Hiragana|Katakana|Hangul|Latin|Cyrillic|Greek|Arabic|Hebrew|Thai)$/;

/** `{ "String": … }` or `{ "Regex": … }` as a global, Unicode-aware RegExp; null: not known here. */
export function readPattern(pattern: unknown): RegExp | null {
  const entry = pattern as JsonObject | null | undefined;
  if (typeof entry?.String === "string") return literalToRegExp(entry.String);
  return typeof entry?.Regex === "string" ? onigurumaToRegExp(entry.Regex) : null;
}

export function literalToRegExp(text: string): RegExp {
  return new RegExp(text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&"), "gv");
}

export function onigurumaToRegExp(source: string): RegExp | null {
  const translated = translate(source);
  if (translated === null) return null;
  try {
    const pattern = new RegExp(translated, "gv");
    // One that matches nothing cuts between all characters: nobody's tokenizer does.
    return pattern.test("") ? null : pattern;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

function translate(source: string): string | null {
  let out = "";
  let inClass = false;
  /** For every open group: whether it ignores case. */
  const groups: boolean[] = [];
  let wasQuantifier = false;
  for (let i = 0; i < source.length; i++) {
    const char = source[i]!;
    const ignoresCase = groups.at(-1) === true;
    const isQuantifier = !inClass && /[+*?}]/.test(char);
    if (char === "\\") {
      const read = readEscape(source, i, inClass);
      if (read === null) return null;
      out += read.text;
      i += read.length - 1;
    } else if (inClass) {
      if (char === "[" || (char === "&" && source[i + 1] === "&")) return null;
      if (ignoresCase && char !== "]") return null;
      if (char === "]") inClass = false;
      const isRange = char === "-" && !/[[^]/.test(source[i - 1]!) && source[i + 1] !== "]";
      out += char === "]" || isRange || !CLASS_SYNTAX.test(char) ? char : `\\${char}`;
    } else if (char === "[") {
      inClass = true;
      const opening = /^\[\^?\]?/.exec(source.slice(i))![0];
      if (opening.endsWith("]")) return null;
      out += opening;
      i += opening.length - 1;
    } else if (char === "(") {
      const opening = /^\((?:\?(?:i:|:|=|!|<=|<!))?/.exec(source.slice(i))![0];
      if (opening === "(" && source[i + 1] === "?") return null;
      groups.push(ignoresCase || opening === "(?i:");
      out += opening === "(?i:" || opening === "(" ? "(?:" : opening;
      i += opening.length - 1;
    } else if (char === ")") {
      groups.pop();
      out += char;
    } else if (char === "+" && wasQuantifier) {
      return null;
    } else if (char === "^" || char === "$" || char === ".") {
      return null;
    } else if (ignoresCase && /\p{L}/u.test(char)) {
      if (!/[a-z]/i.test(char)) return null;
      const small = char.toLowerCase();
      out += `[${small}${small.toUpperCase()}${FOLDED[small] ?? ""}]`;
    } else {
      out += char;
    }
    wasQuantifier = isQuantifier;
  }
  return inClass ? null : out;
}

/** The escape at `at` and how many characters of the source it took. */
function readEscape(
  source: string,
  at: number,
  inClass: boolean,
): { text: string; length: number } | null {
  const char = source[at + 1];
  if (char === undefined) return null;
  if (CLASSES[char] !== undefined) return { text: CLASSES[char], length: 2 };
  if (char === "p" || char === "P") {
    const name = /^\{([^}]+)\}/.exec(source.slice(at + 2))?.[1];
    if (name === undefined) return null;
    const length = name.length + 4;
    if (KNOWN_PROPERTIES.test(name)) {
      const isNegated = (char === "P") !== name.startsWith("^");
      return { text: propertyToClass(name.replace("^", ""), isNegated), length };
    }
    return SCRIPTS.test(name)
      ? { text: propertyToClass(`Script=${name}`, char === "P"), length }
      : null;
  }
  if (/[rnt]/.test(char)) return { text: `\\${char}`, length: 2 };
  if (/[a-zA-Z0-9]/.test(char)) return null;
  const isSyntax = inClass ? CLASS_SYNTAX.test(char) : /[\^$\\.*+?()[\]{}|/]/.test(char);
  return { text: isSyntax ? `\\${char}` : char, length: 2 };
}
