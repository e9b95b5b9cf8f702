const simple: Readonly<Record<string, string>> = {
  "\n": "",
  "\\": "\\",
  "'": "'",
  '"': '"',
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
};
const escapes =
  /\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{1,3})|([\s\S]))/g;

/** Reads the quoted string that begins at `at`, with Python's escapes. `null`: it is not closed. */
export function readStringLiteral(text: string, at: number): { value: string; end: number } | null {
  const quote = text[at];
  let end = at + 1;
  while (end < text.length && text[end] !== quote) end += text[end] === "\\" ? 2 : 1;
  if (end >= text.length) return null;
  return { value: resolveEscapes(text.slice(at + 1, end)), end: end + 1 };
}

function resolveEscapes(text: string): string {
  if (!text.includes("\\")) return text;
  return text.replace(escapes, (whole, hex2, hex4, hex8, octal, other: string | undefined) => {
    const hex = hex2 ?? hex4 ?? hex8;
    if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16));
    if (octal !== undefined) return String.fromCodePoint(Number.parseInt(octal, 8));
    // An unknown escape stays as it is written.
    return simple[other ?? ""] ?? whole;
  });
}
