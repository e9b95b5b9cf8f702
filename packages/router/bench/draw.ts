/** Numerical Recipes' generator: the same numbers for every mode. */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Times of a Poisson process in milliseconds. */
export function createPoisson(perSecond: number, random: () => number): () => number {
  let nowMs = 0;
  return () => {
    nowMs += (-Math.log(1 - random()) / perSecond) * 1000;
    return nowMs;
  };
}

export function shuffle<T>(items: readonly T[], random: () => number): T[] {
  const shuffled = [...items];
  for (let i = shuffled.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [shuffled[i], shuffled[j]] = [shuffled[j]!, shuffled[i]!];
  }
  return shuffled;
}
