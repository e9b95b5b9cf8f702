// Sets of Unicode code points as sorted, disjoint, inclusive ranges. Surrogates are in no set: they are no characters of UTF-8.

/** [low, high, low, high, ...] */
export type CharSet = readonly number[];

const lastCodePoint = 0x10ffff;

/** From ranges in any order, overlapping or not. */
export function charSet(ranges: Iterable<readonly [low: number, high: number]>): CharSet {
  const sorted = [...ranges].sort((a, b) => a[0] - b[0]);
  const merged: number[] = [];
  for (const [low, high] of sorted) {
    const end = merged.length - 1;
    if (end > 0 && low <= merged[end]! + 1) merged[end] = Math.max(merged[end]!, high);
    else merged.push(low, high);
  }
  return subtract(merged, surrogates);
}

export function charsOf(text: string): CharSet {
  return charSet(Array.from(text, (char) => [char.codePointAt(0)!, char.codePointAt(0)!] as const));
}

export function union(a: CharSet, b: CharSet): CharSet {
  return charSet([...pairs(a), ...pairs(b)]);
}

export function invert(set: CharSet): CharSet {
  return subtract(anyChar, set);
}

export function intersect(a: CharSet, b: CharSet): CharSet {
  return subtract(a, invert(b));
}

export function subtract(a: CharSet, b: CharSet): CharSet {
  const out: number[] = [];
  let at = 0;
  for (let i = 0; i < a.length; i += 2) {
    let low = a[i]!;
    const high = a[i + 1]!;
    while (at < b.length && b[at + 1]! < low) at += 2;
    for (let j = at; j < b.length && b[j]! <= high; j += 2) {
      if (b[j]! > low) out.push(low, b[j]! - 1);
      low = Math.max(low, b[j + 1]! + 1);
    }
    if (low <= high) out.push(low, high);
  }
  return out;
}

export function containsAll(set: CharSet, wanted: CharSet): boolean {
  return subtract(wanted, set).length === 0;
}

export function contains(set: CharSet, codePoint: number): boolean {
  for (let i = 0; i < set.length; i += 2) {
    if (codePoint >= set[i]! && codePoint <= set[i + 1]!) return true;
  }
  return false;
}

/** How many characters the set has. */
export function sizeOf(set: CharSet): number {
  let size = 0;
  for (let i = 0; i < set.length; i += 2) size += set[i + 1]! - set[i]! + 1;
  return size;
}

export function* pairs(set: CharSet): Generator<readonly [number, number]> {
  for (let i = 0; i < set.length; i += 2) yield [set[i]!, set[i + 1]!];
}

const surrogates: CharSet = [0xd800, 0xdfff];
export const anyChar: CharSet = [0, 0xd7ff, 0xe000, lastCodePoint];

/**
 * Characters that mean themselves in a JSON string and that JavaScript's `.` matches. Tokens that consist of nothing
 * else are most of a vocabulary: masks treat them as one.
 */
export const plainChars: CharSet = subtract(
  anyChar,
  charSet([
    [0, 0x1f],
    [0x22, 0x22],
    [0x5c, 0x5c],
    [0x2028, 0x2029],
  ]),
);
