/** An i64 to the non-negative safe integers that samplers take: equal seeds stay equal. */
export function foldSeed(seed: number | bigint): number {
  return Number(BigInt.asUintN(53, BigInt(seed)));
}
