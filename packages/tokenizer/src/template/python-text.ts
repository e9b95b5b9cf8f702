// What Python's str methods do where JavaScript's differ.

/** What `str.strip()` takes away: other than JavaScript's trim, with U+001C-1F and U+0085, without U+FEFF. */
export const pythonSpace =
  "\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
const leading = new RegExp(`^[${pythonSpace}]+`);
const trailing = new RegExp(`[${pythonSpace}]+$`);

export function stripLeft(text: string): string {
  return text.replace(leading, "");
}

export function stripRight(text: string): string {
  return text.replace(trailing, "");
}

export function strip(text: string): string {
  return stripRight(stripLeft(text));
}
