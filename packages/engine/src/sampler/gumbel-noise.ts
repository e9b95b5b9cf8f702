// The one source of chance: noise that depends on (seed, step, token id) and on nothing else, so that a token
// does not depend on the batch, the filters, the worker or what was sampled elsewhere meanwhile.
import { ln } from "./portable-math.ts";

/** Two 32-bit hash states that stand for one (seed, step). */
export interface NoiseKey {
  high: number;
  low: number;
}

/** Noise is never larger: 53 ln 2, rounded up. */
export const MAX_NOISE = 36.8;

/** By leading zeros of the upper 32 noise bits: no noise with these is larger. [33] */
export const noiseBounds = Float64Array.from({ length: 33 }, (_, zeros) =>
  zeros === 32 ? MAX_NOISE : (zeros + 1) * Math.LN2 + 1e-9,
);

/** `seed`: any safe integer; `step`: tokens sampled before. */
export function setNoiseKey(key: NoiseKey, seed: number, step: number): void {
  const seedHigh = Math.floor(seed / 2 ** 32);
  key.high = absorb(absorb(absorb(0x9747b28c, seed), seedHigh), step);
  key.low = absorb(absorb(absorb(0x5bd1e995, seed), seedHigh), step);
}

/** The upper 32 noise bits of a token: few leading zeros mean small noise. */
export function noiseBits(state: number, tokenId: number): number {
  return finish(absorb(state, tokenId));
}

/** Standard Gumbel noise, -ln(-ln(1 - c)) with c of 52 bits in (0, 1). */
export function gumbelNoise(key: NoiseKey, tokenId: number): number {
  const high = noiseBits(key.high, tokenId) >>> 0;
  const low = noiseBits(key.low, tokenId) >>> 12;
  const c = (high * 2 ** 20 + low + 0.5) * 2 ** -52;
  // Near 0 the difference 1 - c loses what matters most: large noise.
  const exponential = c < 1e-4 ? c * (1 + c * (1 / 2 + c * (1 / 3 + c * (1 / 4)))) : -ln(1 - c);
  return -ln(exponential);
}

/** MurmurHash3 (x86, 32 bit): one word enters the state. */
export function absorb(state: number, word: number): number {
  let k = Math.imul(word, 0xcc9e2d51);
  k = Math.imul((k << 15) | (k >>> 17), 0x1b873593);
  const h = state ^ k;
  return (Math.imul((h << 13) | (h >>> 19), 5) + 0xe6546b64) | 0;
}

/** MurmurHash3: the state becomes the hash of its 16 bytes. */
export function finish(state: number): number {
  let h = state ^ 16;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
