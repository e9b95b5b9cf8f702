import { type CharSet, charSet, charsOf, invert, union } from "../syntax/char-set.ts";

const digits = charSet([[0x30, 0x39]]);
const word = charSet([
  [0x30, 0x39],
  [0x41, 0x5a],
  [0x61, 0x7a],
  [0x5f, 0x5f],
]);
const space = union(
  charsOf("\t\n\v\f\r \u00a0\u1680\u2028\u2029\u202f\u205f\u3000\ufeff"),
  charSet([[0x2000, 0x200a]]),
);

export const classEscapes: Readonly<Record<string, CharSet>> = {
  d: digits,
  D: invert(digits),
  w: word,
  W: invert(word),
  s: space,
  S: invert(space),
};

export const controlEscapes: Readonly<Record<string, CharSet>> = {
  n: charsOf("\n"),
  r: charsOf("\r"),
  t: charsOf("\t"),
  v: charsOf("\v"),
  f: charsOf("\f"),
};

/** `Lu`, `Script=Greek`, ...: asked of the engine's own tables, each once. `null` = not known. */
export function unicodeProperty(name: string): CharSet | null {
  const known = properties.get(name);
  if (known !== undefined) return known;
  let pattern: RegExp;
  try {
    pattern = new RegExp(`^\\p{${name}}$`, "u");
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
  const ranges: [number, number][] = [];
  for (let code = 0; code <= 0x10ffff; code++) {
    if (code === 0xd800) code = 0xe000;
    if (!pattern.test(String.fromCodePoint(code))) continue;
    const last = ranges[ranges.length - 1];
    if (last?.[1] === code - 1) last[1] = code;
    else ranges.push([code, code]);
  }
  const set = charSet(ranges);
  if (properties.size < 32) properties.set(name, set);
  return set;
}

const properties = new Map<string, CharSet>();
