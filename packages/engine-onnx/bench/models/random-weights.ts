// Random bfloat16 weights, different for every tensor: engines merge equal ones, and caches hide them.

/** Normal values of standard deviation 1 at equal steps of probability, as bfloat16 bits. */
const gaussian = buildTable();

/** Fills `target` with normal values of deviation 2^-exponent, as bfloat16 bits. */
export function fillRandom(target: Uint16Array, seed: number, exponent: number): void {
  let state = (Math.imul(seed + 1, 0x9e3779b1) ^ 0x5bd1e995) >>> 0 || 1;
  const shift = exponent << 7;
  for (let i = 0; i < target.length; i++) {
    state ^= state << 13;
    state >>>= 0;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    target[i] = gaussian[state >>> 16]! - shift;
  }
}

/** 1 as bfloat16: weights of norms. */
export const bfloat16One = 0x3f80;

function buildTable(): Uint16Array {
  const values = new Float32Array(65536);
  for (let i = 0; i < values.length; i++) {
    // Sum of four uniform values of different strides: near enough to normal, bounded, never zero.
    const u = [1, 7, 49, 343].reduce((sum, n) => sum + (((i * n + 0.5) % 65536) / 65536 - 0.5), 0);
    values[i] = u * Math.sqrt(3) || 0.001;
  }
  const bits = new Uint32Array(values.buffer);
  return Uint16Array.from(bits, (word) => Math.max(word >>> 16, 0) & 0xffff);
}
