// The oracle: the whole vocabulary sorted, sums in the open, Math.exp, Math.log and BigInt arithmetic.
// Shares no code with the sampler: also the noise is written again from MurmurHash3's definition.
import type { SamplingParams } from "../../src/index.ts";

export interface NaiveInput {
  readonly logits: Float32Array;
  readonly params: SamplingParams;
  readonly seed: number;
  readonly outputTokenIds: readonly number[];
  readonly eosTokenIds: readonly number[];
  /** `null` = all. */
  readonly allowed: ReadonlySet<number> | null;
}

export interface NaiveResult {
  readonly tokenId: number;
  readonly logprobs: readonly number[];
  /** Probability of each token to be drawn. */
  readonly probabilities: readonly number[];
}

export function sampleNaively(input: NaiveInput): NaiveResult {
  const { params } = input;
  const greedy = params.temperature < 1e-6 || params.topK === 1;
  const temperature = greedy ? 1 : params.temperature;
  const logits = adjusted(input);
  const rank = Array.from(logits.keys()).sort((a, b) => logits[b]! - logits[a]! || a - b);
  const peak = logits[rank[0]!]!;
  const weights = logits.map((x) => Math.exp((x - peak) / temperature));
  const total = rank.reduce((sum, id) => sum + weights[id]!, 0);
  const logprobs = logits.map((x) => (x - peak) / temperature - Math.log(total));

  const k = greedy ? 1 : params.topK === -1 ? logits.length : params.topK;
  const kept: number[] = [];
  let before = 0;
  for (const [index, id] of rank.entries()) {
    if (index < k && before <= params.topP * total && weights[id]! >= params.minP) kept.push(id);
    before += weights[id]!;
  }
  const keptTotal = kept.reduce((sum, id) => sum + weights[id]!, 0);
  const probabilities = logits.map(() => 0);
  for (const id of kept) probabilities[id] = weights[id]! / keptTotal;

  let winner = kept[0]!;
  if (!greedy) {
    const step = input.outputTokenIds.length;
    const score = (id: number) => (logits[id]! - peak) / temperature + noise(input.seed, step, id);
    for (const id of kept) {
      if (score(id) > score(winner) || (score(id) === score(winner) && id < winner)) winner = id;
    }
  }
  return { tokenId: winner, logprobs, probabilities };
}

/** Whether the request rules the token out, whatever it weighs. */
function isRuledOut(id: number, { params, outputTokenIds }: NaiveInput): boolean {
  const { allowedTokenIds, bannedTokenRows } = params;
  if (allowedTokenIds !== null && !allowedTokenIds.includes(id)) return true;
  return bannedTokenRows.some((row) =>
    `,${[...outputTokenIds, id].join()}`.endsWith(`,${row.join()}`),
  );
}

function adjusted(input: NaiveInput): number[] {
  const { logits, params, outputTokenIds, eosTokenIds, allowed } = input;
  const short = outputTokenIds.length < params.minNewTokens;
  const counts = new Map<number, number>();
  for (const id of outputTokenIds) counts.set(id, (counts.get(id) ?? 0) + 1);
  return Array.from(logits, (raw, id) => {
    let x = raw;
    const count = counts.get(id) ?? 0;
    if (count > 0) x -= params.frequencyPenalty * count + params.presencePenalty;
    if (short && (eosTokenIds.includes(id) || params.stopTokenIds.includes(id))) x = -Infinity;
    if (count > 0) x = x > 0 ? x / params.repetitionPenalty : x * params.repetitionPenalty;
    x = Math.fround(x);
    if (allowed !== null && !allowed.has(id)) x = -Infinity;
    x = Math.fround(x + (params.logitBias[id] ?? 0));
    if (Number.isNaN(x) || isRuledOut(id, input)) x = -Infinity;
    return Math.min(x, 3.4028234663852886e38);
  });
}

function noise(seed: number, step: number, id: number): number {
  const unsigned = BigInt.asUintN(64, BigInt(seed));
  const words = [unsigned & 0xffffffffn, unsigned >> 32n, BigInt(step), BigInt(id)];
  const c = (Number(murmur(0x9747b28cn, words)) + 0.5) / 2 ** 32;
  return -Math.log(-Math.log1p(-c));
}

/** MurmurHash3_x86_32 of little-endian words. */
export function murmur(seed: bigint, words: readonly bigint[]): bigint {
  const u32 = (x: bigint) => BigInt.asUintN(32, x);
  const rotate = (x: bigint, by: bigint) => u32(x << by) | (x >> (32n - by));
  let h = seed;
  for (const word of words) {
    const k = u32(rotate(u32(word * 0xcc9e2d51n), 15n) * 0x1b873593n);
    h = u32(rotate(h ^ k, 13n) * 5n + 0xe6546b64n);
  }
  h ^= BigInt(words.length * 4);
  h = u32((h ^ (h >> 16n)) * 0x85ebca6bn);
  h = u32((h ^ (h >> 13n)) * 0xc2b2ae35n);
  return h ^ (h >> 16n);
}
