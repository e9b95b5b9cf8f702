// The one source of chance: noise that depends on (seed, step, token id) and on nothing else, so that a token
// does not depend on the batch, the filters, the worker or what was sampled elsewhere meanwhile.
import { absorb, finish } from "./murmur-hash.ts";
import { ln } from "./portable-math.ts";

/** Noise is never larger: 33 ln 2, rounded up. */
export const MAX_NOISE = 22.9;

/** By leading zeros of a token's noise bits: its noise is not larger. [33] */
export const noiseBounds = Float64Array.from(
  { length: 33 },
  (_, zeros) => (zeros + 1) * Math.LN2 + 1e-9,
);

/** The hash state of one (seed, step). `seed`: any safe integer; `step`: tokens sampled before. */
export function noiseState(seed: number, step: number): number {
  return absorb(absorb(absorb(0x9747b28c, seed), Math.floor(seed / 2 ** 32)), step);
}

/** 32 bits of chance per token; few leading zeros mean small noise. */
export function noiseBits(state: number, tokenId: number): number {
  return finish(absorb(state, tokenId), 16);
}

/** Standard Gumbel noise, -ln(-ln(1 - c)) with c = (bits + 1/2) / 2^32. */
export function bitsToNoise(bits: number): number {
  const c = ((bits >>> 0) + 0.5) * 2 ** -32;
  // Near 0 the difference 1 - c loses what matters most: large noise.
  const exponential = c < 1e-4 ? c * (1 + c * (1 / 2 + c * (1 / 3 + c * (1 / 4)))) : -ln(1 - c);
  return -ln(exponential);
}
