import { absorb, finish } from "./murmur-hash.ts";

/**
 * The seed of one choice of a request. Choice 0 keeps the request's own seed, so that it
 * is the same answer whether n is 1 or more; the others get 53 bits of a hash of both.
 */
export function deriveSeed(seed: number, choiceIndex: number): number {
  if (choiceIndex === 0) return seed;
  const word = (start: number) => {
    const state = absorb(absorb(start, seed), Math.floor(seed / 2 ** 32));
    return finish(absorb(state, choiceIndex), 12) >>> 0;
  };
  return (word(0x2545f491) >>> 11) * 2 ** 32 + word(0x4f6cdd1d);
}

/** A seed for a request that came without one: 0 .. 2^53 - 1. `random` gives [0, 1). */
export function drawSeed(random: () => number = Math.random): number {
  return Math.floor(random() * 2 ** 53);
}
