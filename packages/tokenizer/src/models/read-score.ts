/**
 * A score as serde_json reads it: digits as a whole number, then one division by a power of ten. That is up
 * to one unit in the last place beside the nearest double, and ties between cuts are decided by it.
 * `score` must have been written with the fewest digits that tell it apart, as every JSON writer does.
 */
export function readScore(score: number): number {
  const [, whole = "", fraction = "", power = "0"] =
    /^(\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/.exec(String(Math.abs(score))) ?? [];
  if (whole === "") return score;
  const digits = Number(BigInt(whole + fraction));
  const exponent = Number(power) - fraction.length;
  const size = exponent < 0 ? digits / Number(`1e${-exponent}`) : digits * Number(`1e${exponent}`);
  return score < 0 ? -size : size;
}
