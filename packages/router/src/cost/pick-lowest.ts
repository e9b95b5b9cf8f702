export interface Pick {
  readonly index: number;
  /** How many had the lowest cost. */
  readonly tieCount: number;
}

/**
 * The lowest cost wins, ties are drawn. With a temperature: p ~ exp(-(v - min) / ((max - min) * temperature)).
 * `costs` has at least one.
 */
export function pickLowest(
  costs: ArrayLike<number>,
  temperature: number,
  random: () => number,
): Pick {
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  let tieCount = 0;
  for (let i = 0; i < costs.length; i++) {
    const cost = costs[i]!;
    if (cost < min) {
      min = cost;
      tieCount = 0;
    }
    if (cost === min) tieCount += 1;
    if (cost > max) max = cost;
  }
  if (temperature > 0 && max > min) {
    return { index: drawByWeight(costs, min, (max - min) * temperature, random), tieCount };
  }
  let left = Math.floor(random() * tieCount);
  for (let i = 0; i < costs.length; i++) {
    if (costs[i] === min && left-- === 0) return { index: i, tieCount };
  }
  return { index: 0, tieCount };
}

function drawByWeight(
  costs: ArrayLike<number>,
  min: number,
  scale: number,
  random: () => number,
): number {
  const weights = Array.from(costs, (cost) => Math.exp(-(cost - min) / scale));
  let left = random() * weights.reduce((sum, weight) => sum + weight, 0);
  for (const [i, weight] of weights.entries()) {
    left -= weight;
    if (left < 0) return i;
  }
  return weights.length - 1;
}
