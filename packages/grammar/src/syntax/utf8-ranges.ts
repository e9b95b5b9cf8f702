import type { CharSet } from "./char-set.ts";

/** Byte ranges, one per byte of a character: [low, high, low, high, ...]; 1 to 4 of them. */
export type ByteSequence = readonly number[];

const lastOfLength = [0x7f, 0x7ff, 0xffff, 0x10ffff];

/** The characters of a set as UTF-8: each sequence of byte ranges stands for all its combinations. */
export function utf8Sequences(set: CharSet): ByteSequence[] {
  const out: ByteSequence[] = [];
  for (let i = 0; i < set.length; i += 2) {
    let low = set[i]!;
    const high = set[i + 1]!;
    for (const [extra, last] of lastOfLength.entries()) {
      if (low > last) continue;
      split(low, Math.min(high, last), extra, out);
      if (high <= last) break;
      low = last + 1;
    }
  }
  return out;
}

/** All of one length. Cuts until every byte position is an independent range. */
function split(low: number, high: number, extra: number, out: ByteSequence[]): void {
  for (let tail = 1; tail <= extra; tail++) {
    const mask = 2 ** (6 * tail) - 1;
    if (Math.floor(low / (mask + 1)) === Math.floor(high / (mask + 1))) continue;
    if ((low & mask) !== 0) {
      const cut = low | mask;
      split(low, cut, extra, out);
      split(cut + 1, high, extra, out);
      return;
    }
    if ((high & mask) !== mask) {
      const cut = high - (high & mask);
      split(low, cut - 1, extra, out);
      split(cut, high, extra, out);
      return;
    }
  }
  const from = encode(low, extra);
  const to = encode(high, extra);
  out.push(from.flatMap((byte, i) => [byte, to[i]!]));
}

function encode(codePoint: number, extra: number): number[] {
  if (extra === 0) return [codePoint];
  const lead = [0, 0xc0, 0xe0, 0xf0][extra]!;
  const bytes = [lead | (codePoint >> (6 * extra))];
  for (let i = extra - 1; i >= 0; i--) bytes.push(0x80 | ((codePoint >> (6 * i)) & 0x3f));
  return bytes;
}
