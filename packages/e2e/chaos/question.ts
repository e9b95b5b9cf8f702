// What the load asks, and what must come out: with greedy sampling the mock's token i is a hash of the prompt and the
// tokens before it, so that a token lost, doubled or computed from another prompt shows at its place.
import type { Random } from "../src/random.ts";

export interface Question {
  readonly prompt: readonly number[];
  readonly choiceCount: number;
  /** `null`: greedy. */
  readonly seed: number | null;
  readonly tokenCount: number;
}

/**
 * A third of them sampled with a seed, half of those with two choices. Prompts have 4 to 63 tokens; with `longTokens`
 * every fourth has so many, or up to three times that.
 */
export function createQuestions(
  count: number,
  tokenCount: number,
  vocabSize: number,
  random: Random,
  longTokens = 0,
): Question[] {
  return Array.from({ length: count }, (_, index) => {
    const isLong = longTokens > 0 && index % 4 === 1;
    const length = isLong
      ? longTokens + Math.floor(random() * 2 * longTokens)
      : 4 + Math.floor(random() * 60);
    const isSampled = index % 3 === 2;
    return {
      prompt: Array.from({ length }, () => Math.floor(random() * vocabSize)),
      choiceCount: isSampled && index % 2 === 0 ? 2 : 1,
      seed: isSampled ? Math.floor(random() * 1e9) : null,
      tokenCount,
    };
  });
}

/** The greedy answer by definition, without any of the engine's code. */
export function greedyAnswer({ prompt, tokenCount }: Question, vocabSize: number): number[] {
  let hash = 0x2545f491;
  for (const id of prompt) hash = mix(hash, id);
  return Array.from({ length: tokenCount }, () => {
    const token = hash % vocabSize;
    hash = mix(hash, token);
    return token;
  });
}

function mix(hash: number, word: number): number {
  let mixed = Math.imul(hash ^ word, 0x9e3779b1);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x85ebca77);
  return (mixed ^ (mixed >>> 13)) >>> 0;
}

/** Tokens of the one that are not in the other at their turn: an insertion or a deletion counts once. */
export function countDifferences(
  expected: readonly number[],
  received: readonly number[],
): { lost: number; doubled: number } {
  let common = 0;
  while (common < expected.length && expected[common] === received[common]) common += 1;
  let tail = 0;
  const longest = Math.min(expected.length, received.length) - common;
  while (tail < longest && expected.at(-1 - tail) === received.at(-1 - tail)) tail += 1;
  return {
    lost: expected.length - common - tail,
    doubled: received.length - common - tail,
  };
}
