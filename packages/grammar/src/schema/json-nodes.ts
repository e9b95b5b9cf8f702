// The parts of JSON that every schema is made of.
import {
  type CharSet,
  charSet,
  charsOf,
  contains,
  intersect,
  plainChars,
  subtract,
} from "../syntax/char-set.ts";
import {
  chars,
  choice,
  mapNode,
  type Node,
  optional,
  repeat,
  rule,
  sequence,
  text,
} from "../syntax/node.ts";

/** Fifteen digits: every such integer is exact in a double, and no exponent of two digits overflows it. */
export const maxDigits = 15;

export const digit = chars(charsOf("0123456789"));
const nonZero = chars(charsOf("123456789"));
const sign = optional(text("-"));
const hex = chars(charsOf("0123456789abcdefABCDEF"));

export const naturalNode = choice(text("0"), sequence(nonZero, repeat(digit, 0, maxDigits - 1)));
export const integerNode = sequence(sign, naturalNode);
export const numberNode = sequence(
  integerNode,
  optional(sequence(text("."), repeat(digit, 1, maxDigits))),
  optional(sequence(chars(charsOf("eE")), optional(chars(charsOf("+-"))), repeat(digit, 1, 2))),
);

/** Half a surrogate pair is no character, so no escape may write one. */
const escaped = sequence(
  text("\\"),
  choice(
    chars(charsOf('"\\/bfnrt')),
    sequence(
      text("u"),
      choice(
        sequence(chars(charsOf("0123456789abcABCefEF")), repeat(hex, 3, 3)),
        sequence(chars(charsOf("dD")), chars(charsOf("01234567")), repeat(hex, 2, 2)),
      ),
    ),
  ),
);
/** U+2028 and U+2029 may stand in JSON as they are. */
const unescaped: CharSet = subtract(charSet([[0x20, 0x10ffff]]), charsOf('"\\'));
const stringChar = choice(chars(unescaped), escaped);

export function stringNode(minLength = 0, maxLength = Number.POSITIVE_INFINITY): Node {
  return quoted(repeat(stringChar, minLength, maxLength));
}

export function quoted(content: Node): Node {
  return sequence(text('"'), content, text('"'));
}

const shortEscapes: Readonly<Record<string, string>> = {
  '"': '\\"',
  "\\": "\\\\",
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
};
const needsEscape: CharSet = charSet([
  [0, 0x1f],
  [0x22, 0x22],
  [0x5c, 0x5c],
]);

/** The same texts as they stand within a JSON string. */
export function inString(node: Node): Node {
  return mapNode(node, (part) => {
    if (part.type === "text") return text(JSON.stringify(part.text).slice(1, -1));
    if (part.type !== "chars") return part;
    const spelled: Node[] = [];
    for (let code = 0; code <= 0x5c; code++) {
      if (!contains(needsEscape, code) || !contains(part.set, code)) continue;
      const char = String.fromCharCode(code);
      spelled.push(text(shortEscapes[char] ?? `\\u${code.toString(16).padStart(4, "0")}`));
    }
    return choice(chars(subtract(part.set, needsEscape)), ...spelled);
  });
}

export const keyChars: CharSet = intersect(plainChars, unescaped);

/** Between JSON's tokens, where nothing else is asked: a space, or a line break with its indentation. */
export const defaultBlank = optional(
  choice(text(" "), sequence(text("\n"), repeat(chars(charsOf(" \t")), 0, 64))),
);

export const valueRule = "json-value";
export const blankRule = "json-blank";

/** Rules for any JSON value. */
export function valueRules(blank: Node): [string, Node][] {
  const ws = rule(blankRule);
  const value = rule(valueRule);
  const list = (item: Node) =>
    sequence(ws, optional(sequence(item, repeat(sequence(text(","), ws, item), 0), ws)));
  const member = sequence(rule("json-string"), text(":"), ws, value);
  return [
    [blankRule, blank],
    ["json-string", stringNode()],
    ["json-object", sequence(text("{"), list(member), text("}"))],
    ["json-array", sequence(text("["), list(value), text("]"))],
    [
      valueRule,
      choice(
        rule("json-object"),
        rule("json-array"),
        rule("json-string"),
        numberNode,
        text("true"),
        text("false"),
        text("null"),
      ),
    ],
  ];
}
