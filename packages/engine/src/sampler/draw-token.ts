// Gumbel-max: the token with the largest scaled logit + noise; of equals the lowest id. A token's exact noise is
// computed only where the leading zeros of its hash leave it a chance to win.
import type { Candidates } from "./candidates.ts";
import type { Peak } from "./find-peak.ts";
import { bitsToNoise, MAX_NOISE, noiseBits, noiseBounds } from "./gumbel-noise.ts";

/** Among all tokens of a row. `state`: see noiseState. */
export function drawFromRow(
  row: Float32Array,
  peak: Peak,
  temperature: number,
  state: number,
): number {
  const rate = 1 / temperature;
  const { tokenId, logit } = peak;
  let winner = tokenId;
  let best = bitsToNoise(noiseBits(state, winner));
  // Logits below this cannot win.
  let least = logit + (best - MAX_NOISE) * temperature;
  for (let from = 0; from < row.length; from += 8) {
    if (from + 8 <= row.length && allBelow(row, from, least)) continue;
    // No test of the single logit: it would be a branch that nothing can predict.
    const to = Math.min(from + 8, row.length);
    for (let id = from; id < to; id++) {
      const score = (row[id]! - logit) * rate;
      const bits = noiseBits(state, id);
      if (score + noiseBounds[Math.clz32(bits)]! < best) continue;
      const total = score + bitsToNoise(bits);
      if (total > best || (total === best && id < winner)) {
        best = total;
        winner = id;
        least = logit + (best - MAX_NOISE) * temperature;
      }
    }
  }
  return winner;
}

function allBelow(row: Float32Array, from: number, least: number): boolean {
  return (
    row[from]! < least &&
    row[from + 1]! < least &&
    row[from + 2]! < least &&
    row[from + 3]! < least &&
    row[from + 4]! < least &&
    row[from + 5]! < least &&
    row[from + 6]! < least &&
    row[from + 7]! < least
  );
}

/** Among the candidates; the peak is one of them. */
export function drawFromCandidates(
  candidates: Candidates,
  peak: Peak,
  temperature: number,
  state: number,
): number {
  const { tokenIds, logits, size } = candidates;
  const rate = 1 / temperature;
  let winner = peak.tokenId;
  let best = bitsToNoise(noiseBits(state, winner));
  for (let i = 0; i < size; i++) {
    const id = tokenIds[i]!;
    const score = (logits[i]! - peak.logit) * rate;
    const bits = noiseBits(state, id);
    if (score + noiseBounds[Math.clz32(bits)]! < best) continue;
    const total = score + bitsToNoise(bits);
    if (total > best || (total === best && id < winner)) {
      best = total;
      winner = id;
    }
  }
  return winner;
}
