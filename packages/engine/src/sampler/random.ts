import { absorb, finish } from "./murmur-hash.ts";

/** Numbers in [0, 1) that depend on the seed and their place alone; 53 bits each. */
export function createRandom(seed: number): () => number {
  const start = absorb(absorb(0x51ab8f03, seed), Math.floor(seed / 2 ** 32));
  let count = 0;
  return () => {
    count += 1;
    const state = absorb(start, count);
    const high = finish(absorb(state, 1), 16) >>> 5;
    const low = finish(absorb(state, 2), 16) >>> 6;
    return (high * 2 ** 26 + low) / 2 ** 53;
  };
}
