// exp and ln from additions, multiplications and tables alone: IEEE 754 fixes each of those to the bit, while
// ECMAScript leaves Math.exp and Math.log to the implementation. A seed thus gives the same token on every machine.
// Also quicker than Math.exp over a whole vocabulary.

const STEPS = 512;
const STEPS_PER_NAT = STEPS / Math.LN2;
/** Below, exp is taken as 0; 2^-1022 is the smallest normal number. */
const MIN_ARGUMENT = -708;
const MIN_EXPONENT = -1022;

/** Coefficients of 2^(f / 512) in f. */
const C1 = Math.LN2 / STEPS;
const C2 = (C1 * C1) / 2;
const C3 = (C1 * C1 * C1) / 6;
const C4 = (C1 * C1 * C1 * C1) / 24;

/** 2^(i / 512). [512] */
const fractions = Float64Array.from({ length: STEPS }, (_, i) => exponentialSeries(i * C1));
/** 2^(i - 1022). [1023] */
const powers = new Float64Array(1 - MIN_EXPONENT);
for (let i = powers.length - 1, power = 1; i >= 0; i--, power /= 2) powers[i] = power;

/** e^z for z <= 0; exactly 1 for 0, and 0 below -708. Relative error below 5e-16 + 3e-16 |z|. NaN stays NaN. */
export function expNonPositive(z: number): number {
  if (z < MIN_ARGUMENT) return 0;
  const steps = z * STEPS_PER_NAT;
  const n = steps | 0;
  const f = steps - n;
  const series = 1 + f * (C1 + f * (C2 + f * (C3 + f * C4)));
  return fractions[n & (STEPS - 1)]! * powers[(n >> 9) - MIN_EXPONENT]! * series;
}

/** ln 2 in two parts: the first has 32 significant bits, so that small integer multiples of it are exact. */
const LN2_HIGH = 6.9314718036912382e-1;
const LN2_LOW = 1.9082149292705877e-10;

const bits = new DataView(new ArrayBuffer(8));

/** Natural logarithm of a positive normal number. Relative error below 5e-16. */
export function ln(x: number): number {
  bits.setFloat64(0, x);
  const high = bits.getUint32(0);
  let exponent = (high >>> 20) - 1023;
  bits.setUint32(0, (high & 0xfffff) | 0x3ff00000);
  let mantissa = bits.getFloat64(0);
  if (mantissa > Math.SQRT2) {
    mantissa /= 2;
    exponent += 1;
  }
  const s = (mantissa - 1) / (mantissa + 1);
  const square = s * s;
  let series = 0;
  for (let odd = 23; odd >= 3; odd -= 2) series = (series + 1 / odd) * square;
  return exponent * LN2_HIGH + (exponent * LN2_LOW + 2 * (s + s * series));
}

function exponentialSeries(r: number): number {
  let sum = 1;
  for (let n = 22; n > 0; n--) sum = 1 + (sum * r) / n;
  return sum;
}
