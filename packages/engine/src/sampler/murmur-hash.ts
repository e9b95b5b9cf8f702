// MurmurHash3 (x86, 32 bit) in its two halves, over words instead of bytes.

/** One word enters the state; only its lowest 32 bits count. */
export function absorb(state: number, word: number): number {
  let k = Math.imul(word, 0xcc9e2d51);
  k = Math.imul((k << 15) | (k >>> 17), 0x1b873593);
  const h = state ^ k;
  return (Math.imul((h << 13) | (h >>> 19), 5) + 0xe6546b64) | 0;
}

/** The state becomes a hash, as a signed integer. */
export function finish(state: number, sizeBytes: number): number {
  let h = state ^ sizeBytes;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
