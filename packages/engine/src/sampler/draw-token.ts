import type { CandidateFilter } from "./candidate-filter.ts";
import { gumbelNoise, MAX_NOISE, type NoiseKey, noiseBits, noiseBounds } from "./gumbel-noise.ts";

/**
 * Gumbel-max: the kept token with the largest scaled logit + noise; of equals the lowest id.
 * A token's exact noise is computed only where the leading zeros of its hash leave it a chance to win.
 */
export function drawToken(
  logits: Float32Array,
  peak: { readonly tokenId: number; readonly logit: number },
  temperature: number,
  filter: CandidateFilter,
  key: NoiseKey,
): number {
  const { cutLogit, cutId } = filter;
  const rate = 1 / temperature;
  const state = key.high;
  let winner = peak.tokenId;
  let best = gumbelNoise(key, winner);
  // Scaled logits below this cannot win.
  let least = Math.max(cutLogit, peak.logit + (best - MAX_NOISE) * temperature);
  for (let id = 0; id < logits.length; id++) {
    const x = logits[id]!;
    if (x < least || (x === cutLogit && id > cutId)) continue;
    const score = (x - peak.logit) * rate;
    if (score + noiseBounds[Math.clz32(noiseBits(state, id))]! < best) continue;
    const total = score + gumbelNoise(key, id);
    if (total > best || (total === best && id < winner)) {
      best = total;
      winner = id;
      least = Math.max(cutLogit, peak.logit + (best - MAX_NOISE) * temperature);
    }
  }
  return winner;
}
