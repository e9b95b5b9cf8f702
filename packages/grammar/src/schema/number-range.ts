// Decimal numbers between two bounds, as digits.
import { charSet } from "../syntax/char-set.ts";
import { chars, choice, empty, type Node, never, repeat, sequence, text } from "../syntax/node.ts";
import { digit, maxDigits } from "./json-nodes.ts";

export interface Bounds {
  /** `null` = none. */
  readonly min: number | null;
  readonly max: number | null;
  readonly isMinExclusive: boolean;
  readonly isMaxExclusive: boolean;
}

/** Digits behind the point beyond those of the bounds. */
const extraDigits = 2;
const maxFraction = 20;
const largest = 10n ** BigInt(maxDigits) - 1n;

export function integerRange(bounds: Bounds): Node {
  return scaledRange(bounds, 0);
}

/** Without exponents; up to two more digits behind the point than the bounds have. */
export function numberRange(bounds: Bounds): Node {
  const digits = Math.max(
    ...[bounds.min, bounds.max].map((bound) => (bound === null ? 0 : decimalOf(bound).fraction)),
  );
  const most = Math.min(digits + extraDigits, maxFraction);
  return choice(
    ...Array.from({ length: most + 1 }, (_, fraction) => scaledRange(bounds, fraction)),
  );
}

/** The least and greatest whole numbers that the bounds leave, of the value times 10^fraction. */
export function scaledBounds(bounds: Bounds, fraction: number): { low: bigint; high: bigint } {
  const scale = 10n ** BigInt(fraction);
  let low = -largest * scale;
  let high = largest * scale;
  if (bounds.min !== null) {
    const { floor, isWhole } = scaleTo(bounds.min, fraction);
    low = isWhole && !bounds.isMinExclusive ? floor : floor + 1n;
  }
  if (bounds.max !== null) {
    const { floor, isWhole } = scaleTo(bounds.max, fraction);
    high = isWhole && bounds.isMaxExclusive ? floor - 1n : floor;
  }
  return { low, high };
}

function scaledRange(bounds: Bounds, fraction: number): Node {
  const { low, high } = scaledBounds(bounds, fraction);
  if (low > high) return never;
  const positive = high >= 0n ? naturals(low > 0n ? low : 0n, high, fraction) : never;
  const negative =
    low < 0n ? sequence(text("-"), naturals(high < 0n ? -high : 1n, -low, fraction)) : never;
  return choice(positive, negative);
}

/** From `low` to `high`, both not negative, with the point before the last `fraction` digits. */
function naturals(low: bigint, high: bigint, fraction: number): Node {
  const branches: Node[] = [];
  const shortest = Math.max(String(low).length, fraction + 1);
  const longest = Math.max(String(high).length, fraction + 1);
  for (let length = shortest; length <= longest; length++) {
    // Below that the whole part would begin with a zero that is not its only digit.
    const least = length === fraction + 1 ? 0n : 10n ** BigInt(length - 1);
    const most = 10n ** BigInt(length) - 1n;
    const from = low > least ? low : least;
    const to = high < most ? high : most;
    if (from > to) continue;
    const digits = (value: bigint) => String(value).padStart(length, "0");
    branches.push(between(digits(from), digits(to), length - fraction));
  }
  return choice(...branches);
}

/** Texts of equal length from `low` to `high`; the point stands before index `point`. */
function between(low: string, high: string, point: number): Node {
  if (low === "") return empty;
  const dot = point === 0 ? text(".") : empty;
  const isFree = /^0*$/.test(low) && /^9*$/.test(high);
  if (isFree) return sequence(dot, freeDigits(low.length, point));
  const first = Number(low[0]);
  const last = Number(high[0]);
  const rest = low.slice(1);
  const after = high.slice(1);
  if (first === last) {
    return sequence(dot, text(String(first)), between(rest, after, point - 1));
  }
  const zeros = "0".repeat(rest.length);
  const nines = "9".repeat(rest.length);
  return sequence(
    dot,
    choice(
      sequence(text(String(first)), between(rest, nines, point - 1)),
      sequence(digitsBetween(first + 1, last - 1), between(zeros, nines, point - 1)),
      sequence(text(String(last)), between(zeros, after, point - 1)),
    ),
  );
}

function freeDigits(count: number, point: number): Node {
  if (point <= 0 || point >= count) return repeat(digit, count, count);
  return sequence(
    repeat(digit, point, point),
    text("."),
    repeat(digit, count - point, count - point),
  );
}

function digitsBetween(low: number, high: number): Node {
  return low > high ? never : chars(charSet([[0x30 + low, 0x30 + high]]));
}

/** A double as the shortest decimal that means it. */
function decimalOf(value: number): { digits: bigint; fraction: number } {
  const [, minus = "", whole = "0", part = "", exponent = "0"] =
    /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/.exec(String(value)) ?? [];
  let digits = BigInt(whole + part);
  let fraction = part.length - Number(exponent);
  if (fraction < 0) {
    digits *= 10n ** BigInt(-fraction);
    fraction = 0;
  }
  return { digits: minus === "" ? digits : -digits, fraction };
}

function scaleTo(value: number, fraction: number): { floor: bigint; isWhole: boolean } {
  const decimal = decimalOf(value);
  if (decimal.fraction <= fraction) {
    return { floor: decimal.digits * 10n ** BigInt(fraction - decimal.fraction), isWhole: true };
  }
  const divisor = 10n ** BigInt(decimal.fraction - fraction);
  const quotient = decimal.digits / divisor;
  const isWhole = quotient * divisor === decimal.digits;
  return { floor: isWhole || decimal.digits >= 0n ? quotient : quotient - 1n, isWhole };
}
