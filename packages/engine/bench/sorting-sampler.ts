// The peer of the sampler's bench: what one writes first. Sorts the vocabulary, sums, draws from the cumulated rest.
import type { SamplingParams } from "../src/index.ts";

export interface SortingInput {
  readonly logits: Float32Array;
  readonly params: SamplingParams;
  readonly outputTokenIds: readonly number[];
  /** `null` = no log-probabilities. */
  readonly top: number | null;
}

export function sampleBySorting({ logits, params, outputTokenIds, top }: SortingInput) {
  const counts = new Map<number, number>();
  for (const id of outputTokenIds) counts.set(id, (counts.get(id) ?? 0) + 1);
  for (const [id, count] of counts) {
    const x = logits[id]! - params.frequencyPenalty * count - params.presencePenalty;
    logits[id] = x > 0 ? x / params.repetitionPenalty : x * params.repetitionPenalty;
  }
  const greedy = params.temperature < 1e-6;
  const temperature = greedy ? 1 : params.temperature;
  let peak = 0;
  for (let id = 1; id < logits.length; id++) if (logits[id]! > logits[peak]!) peak = id;
  if (greedy && top === null) return { tokenId: peak, logprobs: null };

  const weights = new Float64Array(logits.length);
  const ids = new Uint32Array(logits.length);
  let total = 0;
  for (let id = 0; id < logits.length; id++) {
    const weight = Math.exp((logits[id]! - logits[peak]!) / temperature);
    weights[id] = weight;
    ids[id] = id;
    total += weight;
  }
  const filtered = params.topK !== -1 || params.topP < 1 || params.minP > 0;
  if (filtered || top !== null) ids.sort((a, b) => weights[b]! - weights[a]! || a - b);

  let kept = 0;
  let mass = 0;
  const k = params.topK === -1 ? ids.length : params.topK;
  while (kept < k && kept < ids.length && mass <= params.topP * total) {
    const weight = weights[ids[kept]!]!;
    if (filtered && weight < params.minP) break;
    mass += weight;
    kept++;
  }
  let rest = Math.random() * mass;
  let index = 0;
  while (index < kept - 1 && rest >= weights[ids[index]!]!) rest -= weights[ids[index++]!]!;
  const tokenId = greedy ? peak : ids[index]!;
  const logprob = (id: number) => Math.log(weights[id]! / total);
  const logprobs =
    top === null
      ? null
      : {
          logprob: logprob(tokenId),
          top: Array.from(ids.subarray(0, top), (id) => ({ tokenId: id, logprob: logprob(id) })),
        };
  return { tokenId, logprobs };
}
