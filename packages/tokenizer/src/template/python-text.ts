// What Python's str methods do where JavaScript's differ.

/** White space of `str.strip()`: other than JavaScript's, with U+001C-1F and U+0085, without U+FEFF. */
const space =
  "\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
const spaceOnly = new RegExp(`[${space}]`);
const spaceRuns = new RegExp(`[${space}]+`);
const lineEnds = "\\n-\\r\\x1c-\\x1e\\x85\\u2028\\u2029";
const lineEnd = new RegExp(`\\r\\n|[${lineEnds}]`);

/** Of `characters`, or of white space. */
export function stripLeft(text: string, characters: string | null = null): string {
  let start = 0;
  while (start < text.length && isStripped(text, start, characters)) start++;
  return text.slice(start);
}

export function stripRight(text: string, characters: string | null = null): string {
  let end = text.length;
  while (end > 0 && isStripped(text, end - 1, characters)) end--;
  return text.slice(0, end);
}

export function strip(text: string, characters: string | null = null): string {
  return stripRight(stripLeft(text, characters), characters);
}

function isStripped(text: string, at: number, characters: string | null): boolean {
  const character = text[at] ?? "";
  return characters === null ? spaceOnly.test(character) : characters.includes(character);
}

/** `str.split(separator, count)`; `null` splits at runs of white space, a count below 0 is none. */
export function split(text: string, separator: string | null, count: number): string[] {
  if (separator !== null) {
    const parts = text.split(separator);
    if (count < 0 || parts.length <= count + 1) return parts;
    return [...parts.slice(0, count), parts.slice(count).join(separator)];
  }
  const parts: string[] = [];
  let rest = stripLeft(text);
  while (rest !== "") {
    // The rest behind the last split keeps its white space.
    const found = count >= 0 && parts.length >= count ? null : spaceRuns.exec(rest);
    if (found === null) return [...parts, rest];
    parts.push(rest.slice(0, found.index));
    rest = rest.slice(found.index + found[0].length);
  }
  return parts;
}

/** `str.rsplit(separator, count)`. */
export function splitFromRight(text: string, separator: string | null, count: number): string[] {
  if (count < 0) return split(text, separator, -1);
  if (separator !== null) {
    const parts = text.split(separator);
    const cut = Math.max(0, parts.length - count);
    return cut <= 1 ? parts : [parts.slice(0, cut).join(separator), ...parts.slice(cut)];
  }
  const reversed = [...text].reverse().join("");
  return split(reversed, null, count)
    .map((part) => [...part].reverse().join(""))
    .reverse();
}

export function splitLines(text: string, keepEnds = false): string[] {
  const lines: string[] = [];
  let rest = text;
  while (rest !== "") {
    const found = lineEnd.exec(rest);
    const end = found === null ? rest.length : found.index + found[0].length;
    lines.push(rest.slice(0, keepEnds || found === null ? end : found.index));
    rest = rest.slice(end);
  }
  return lines;
}

/** First character upper case, the others lower. */
export function capitalize(text: string): string {
  const [first = ""] = text;
  return first.toUpperCase() + text.slice(first.length).toLowerCase();
}

/** `str.title()`: a letter behind a letter is lower case, any other upper. */
export function titleCase(text: string): string {
  return text.replace(/\p{L}+/gu, capitalize);
}

/** `str.replace(old, new, count)`; a count below 0 is none. */
export function replaceText(text: string, old: string, fresh: string, count: number): string {
  if (count < 0 && old !== "") return text.replaceAll(old, () => fresh);
  if (old === "") {
    const characters = [...text, ""];
    return characters
      .map((character, index) => (count < 0 || index < count ? fresh : "") + character)
      .join("");
  }
  const parts = text.split(old);
  return parts
    .map((part, index) => (index === 0 ? "" : index <= count ? fresh : old) + part)
    .join("");
}
