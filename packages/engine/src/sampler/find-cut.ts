import { expNonPositive } from "./portable-math.ts";

const BUCKETS = 1024;
const LAST = BUCKETS - 1;
/** So many or fewer are sorted at once. */
const SORT_LIMIT = 256;

const counts = new Uint32Array(BUCKETS);
const masses = new Float64Array(BUCKETS);

/**
 * Where, in order of falling logits, the first token comes with countLimit tokens or more mass than massLimit before
 * it. Histograms narrow the place down; only its last bucket is sorted. Mass = e^((logit - peak) * rate); rate 0 = none.
 *
 * @param logits any order, no NaN; overwritten
 * @returns the smallest logit that stays, and how many of those equal to it stay
 */
export function findCut(
  logits: Float32Array,
  limits: { peak: number; rate: number; countLimit: number; massLimit: number },
): { logit: number; equals: number } {
  const { peak, rate, countLimit, massLimit } = limits;
  let size = logits.length;
  let count = 0;
  let mass = 0;
  while (size > SORT_LIMIT) {
    let high = Number.NEGATIVE_INFINITY;
    let low = Number.POSITIVE_INFINITY;
    for (let i = 0; i < size; i++) {
      const x = logits[i]!;
      if (x > high) high = x;
      if (x < low && x > Number.NEGATIVE_INFINITY) low = x;
    }
    if (!(low < high)) break; // all equal, or -Infinity
    const scale = BUCKETS / (high - low);
    counts.fill(0);
    masses.fill(0);
    for (let i = 0; i < size; i++) {
      const x = logits[i]!;
      const position = (high - x) * scale;
      const bucket = position < LAST ? position | 0 : LAST;
      counts[bucket]!++;
      if (rate > 0) masses[bucket]! += expNonPositive((x - peak) * rate);
    }
    let bucket = 0;
    while (
      bucket < BUCKETS &&
      count + counts[bucket]! < countLimit &&
      mass + masses[bucket]! <= massLimit
    ) {
      count += counts[bucket]!;
      mass += masses[bucket]!;
      bucket++;
    }
    if (bucket === BUCKETS) return { logit: Number.NEGATIVE_INFINITY, equals: size };
    size = keepBucket(logits, size, high, scale, bucket);
  }

  const sorted = logits.subarray(0, size).sort();
  let i = size - 1;
  let logit = sorted[i]!;
  let equals = 0;
  for (; i >= 0 && count < countLimit && mass <= massLimit; i--) {
    const x = sorted[i]!;
    equals = x === logit ? equals + 1 : 1;
    logit = x;
    count++;
    if (rate > 0) mass += expNonPositive((x - peak) * rate);
  }
  return { logit, equals };
}

/** Moves the logits of one bucket to the front; returns how many. */
function keepBucket(
  logits: Float32Array,
  length: number,
  high: number,
  scale: number,
  bucket: number,
): number {
  let size = 0;
  for (let i = 0; i < length; i++) {
    const x = logits[i]!;
    const position = (high - x) * scale;
    if ((position < LAST ? position | 0 : LAST) === bucket) logits[size++] = x;
  }
  return size;
}
