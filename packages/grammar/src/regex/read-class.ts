import { type CharSet, charSet, sizeOf, union } from "../syntax/char-set.ts";

/**
 * A character class, from behind its `[` on. `readEscape` reads what stands behind a backslash at an index.
 * `null` = it has no end.
 */
export function readClass(
  chars: readonly string[],
  start: number,
  readEscape: (at: number) => { readonly set: CharSet; readonly at: number },
): { readonly set: CharSet; readonly isInverted: boolean; readonly at: number } | null {
  let at = start;
  const isInverted = chars[at] === "^";
  if (isInverted) at++;
  let set: CharSet = [];
  const readOne = (): CharSet | null => {
    const char = chars[at++];
    if (char === undefined) return null;
    if (char !== "\\") return charSet([[char.codePointAt(0)!, char.codePointAt(0)!]]);
    const read = readEscape(at);
    at = read.at;
    return read.set;
  };
  while (chars[at] !== "]") {
    const low = readOne();
    if (low === null) return null;
    if (
      chars[at] === "-" &&
      chars[at + 1] !== "]" &&
      chars[at + 1] !== undefined &&
      sizeOf(low) === 1
    ) {
      at++;
      const high = readOne();
      if (high === null) return null;
      set =
        sizeOf(high) === 1 && high[0]! >= low[0]!
          ? union(set, charSet([[low[0]!, high[0]!]]))
          : union(union(set, low), union(high, charSet([[0x2d, 0x2d]])));
    } else {
      set = union(set, low);
    }
  }
  return { set, isInverted, at: at + 1 };
}
