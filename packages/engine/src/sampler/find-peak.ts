/** The most likely token of a row; of equals, the lowest id. */
export interface Peak {
  /** -1 when no token has a chance: all -Infinity or NaN. */
  tokenId: number;
  logit: number;
  /** The row holds NaN or +Infinity: scrub it before sums are taken. */
  dirty: boolean;
}

/** One pass, nothing allocated. NaN counts as -Infinity. */
export function findPeak(logits: Float32Array, peak: Peak): void {
  let logit = Number.NEGATIVE_INFINITY;
  let tokenId = -1;
  let nan = false;
  for (let i = 0; i < logits.length; i++) {
    const x = logits[i]!;
    if (x <= logit) continue;
    if (x > logit) {
      logit = x;
      tokenId = i;
    } else nan = true;
  }
  peak.logit = logit;
  peak.tokenId = tokenId;
  peak.dirty = nan || logit === Number.POSITIVE_INFINITY;
}

/** The largest float32: what an overflowed logit becomes. */
const LARGEST = 3.4028234663852886e38;

/** NaN becomes -Infinity, +Infinity the largest number. */
export function scrubLogits(logits: Float32Array, peak: Peak): void {
  for (let i = 0; i < logits.length; i++) {
    const x = logits[i]!;
    if (Number.isNaN(x)) logits[i] = Number.NEGATIVE_INFINITY;
    else if (x > LARGEST) logits[i] = LARGEST;
  }
  peak.logit = Math.min(peak.logit, LARGEST);
  peak.dirty = false;
}
