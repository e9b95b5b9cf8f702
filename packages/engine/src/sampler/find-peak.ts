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
  peak.logit = Number.NEGATIVE_INFINITY;
  peak.tokenId = -1;
  peak.dirty = false;
  const size = logits.length;
  let best = Number.NEGATIVE_INFINITY;
  let id = 0;
  // Eight at a time: almost always none of them is larger.
  for (const end = size - 7; id < end; id += 8) {
    if (
      logits[id]! <= best &&
      logits[id + 1]! <= best &&
      logits[id + 2]! <= best &&
      logits[id + 3]! <= best &&
      logits[id + 4]! <= best &&
      logits[id + 5]! <= best &&
      logits[id + 6]! <= best &&
      logits[id + 7]! <= best
    ) {
      continue;
    }
    best = raisePeak(logits, id, id + 8, peak);
  }
  if (id < size) best = raisePeak(logits, id, size, peak);
  if (best === Number.POSITIVE_INFINITY) peak.dirty = true;
}

function raisePeak(logits: Float32Array, from: number, to: number, peak: Peak): number {
  for (let id = from; id < to; id++) {
    const x = logits[id]!;
    if (x > peak.logit) {
      peak.logit = x;
      peak.tokenId = id;
    } else if (Number.isNaN(x)) peak.dirty = true;
  }
  return peak.logit;
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
