// float16 in JavaScript's arithmetic, for oracles: by the definition of the format, not by how a processor does it.

const smallestNormalExponent = -14;
const fractionBits = 10;

/** The nearest float16, ties to even; what is too large becomes the largest one. */
export function roundToHalf(value: number): number {
  if (value === 0) return value;
  const exponent = Math.max(Math.floor(Math.log2(Math.abs(value))), smallestNormalExponent);
  const step = 2 ** (exponent - fractionBits);
  const count = value / step;
  const below = Math.floor(count);
  const rest = count - below;
  const isUp = rest > 0.5 || (rest === 0.5 && below % 2 !== 0);
  return Math.max(Math.min((isUp ? below + 1 : below) * step, 65_504), -65_504);
}

export function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> fractionBits) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** (smallestNormalExponent - fractionBits);
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** Any bits but those of infinities and NaNs, by a number between -1 and 1. */
export function someHalf(random: number): number {
  const exponent = Math.floor(Math.abs(random) * 16);
  const fraction = Math.floor(Math.abs(random) * 2 ** 20) & 0x3ff;
  return (random < 0 ? 0x8000 : 0) | (exponent << fractionBits) | fraction;
}
