// Top-k, top-p and min-p without sorting a vocabulary: a histogram finds the bucket in which the last kept token
// lies, and only that bucket is looked at closer. The answer is a cut: a logit, and an id among those equal to it.
import { expNonPositive, ln } from "./portable-math.ts";

const BUCKETS = 1024;
const LAST = BUCKETS - 1;
/** Buckets per nat of the first histogram: 32 nats in all. */
const BUCKETS_PER_NAT = 32;
/** Fewer members than this are sorted at once. */
const SORT_LIMIT = 256;

/**
 * A token is kept when fewer than k tokens and no more mass than top-p stand before it (both counted in the
 * unfiltered distribution), and when its probability is at least min-p times the largest.
 * "Before" = larger logit, or equal logit and lower id.
 */
export class CandidateFilter {
  /** Kept: logit > cutLogit, or equal to it and id <= cutId. */
  cutLogit = Number.NEGATIVE_INFINITY;
  cutId = 0;
  /** Sum of e^((logit - peak) / temperature) over the row; 0 when top-p did not need it. */
  mass = 0;

  readonly #counts = new Uint32Array(BUCKETS);
  readonly #masses = new Float64Array(BUCKETS);
  /** Logits of the bucket under the glass. [vocabSize] of scratch */
  readonly #members: Float32Array;

  constructor(vocabSize: number) {
    this.#members = new Float32Array(vocabSize);
  }

  /** `logits`: [vocabSize], no NaN, no +Infinity; `peak`: their largest. */
  apply(
    logits: Float32Array,
    peak: number,
    params: { temperature: number; topK: number; topP: number; minP: number },
  ): void {
    this.cutLogit = Number.NEGATIVE_INFINITY;
    this.cutId = logits.length;
    this.mass = 0;
    const { temperature, topK, topP, minP } = params;
    const byMass = topP < 1;
    const k = topK > 0 && topK < logits.length ? topK : Number.POSITIVE_INFINITY;
    if (byMass || k !== Number.POSITIVE_INFINITY) {
      const rate = byMass ? 1 / temperature : 0;
      this.#cut(logits, peak, rate, k, topP);
    }
    if (minP > 0) {
      const least = peak + ln(minP) * temperature;
      if (least > this.cutLogit) {
        this.cutLogit = least;
        this.cutId = logits.length;
      }
    }
  }

  /** `rate`: 1 / temperature, or 0 when mass does not count. */
  #cut(logits: Float32Array, peak: number, rate: number, k: number, topP: number): void {
    const scale = BUCKETS_PER_NAT * (rate > 0 ? rate : 1);
    if (rate > 0) this.#weigh(logits, peak, rate, scale);
    else this.#count(logits, logits.length, peak, scale);
    const limit = rate > 0 ? topP * this.mass : Number.POSITIVE_INFINITY;
    const members = this.#members;
    let before = 0;
    let massBefore = 0;
    let top = peak;
    let low = Number.NEGATIVE_INFINITY;
    let size = -1;
    let bucketScale = scale;

    for (;;) {
      let bucket = 0;
      const counts = this.#counts;
      const masses = this.#masses;
      while (before + counts[bucket]! < k && massBefore + masses[bucket]! <= limit) {
        before += counts[bucket]!;
        massBefore += masses[bucket]!;
        if (++bucket === BUCKETS) {
          // Nothing is cut off; within a bucket this is rounding, and all of its members stay.
          if (size >= 0) this.cutLogit = low;
          return;
        }
      }
      size = gather(
        size < 0 ? logits : members,
        size < 0 ? logits.length : size,
        members,
        top,
        bucketScale,
        bucket,
      );
      if (size <= SORT_LIMIT) break;
      // Look closer: the same again over the bucket's own range.
      low = Number.POSITIVE_INFINITY;
      top = Number.NEGATIVE_INFINITY;
      for (let i = 0; i < size; i++) {
        const x = members[i]!;
        if (x > top) top = x;
        if (x < low && x > Number.NEGATIVE_INFINITY) low = x;
      }
      if (!(low < top)) break; // all equal, or -Infinity
      bucketScale = BUCKETS / (top - low);
      this.#count(members, size, top, bucketScale);
      if (rate > 0) this.#weighMembers(size, top, bucketScale, peak, rate);
    }

    const sorted = members.subarray(0, size).sort();
    let i = size - 1;
    let equals = 0;
    let cut = sorted[i]!;
    for (; i >= 0 && before < k && massBefore <= limit; i--) {
      const x = sorted[i]!;
      equals = x === cut ? equals + 1 : 1;
      cut = x;
      before++;
      if (rate > 0) massBefore += expNonPositive((x - peak) * rate);
    }
    this.cutLogit = cut;
    // Of several equal to the cut, the lowest ids stay.
    if (i >= 0 && sorted[i] === cut) this.cutId = nthEqual(logits, cut, equals);
  }

  /** Counts and masses per bucket, and the mass of all. */
  #weigh(logits: Float32Array, peak: number, rate: number, scale: number): void {
    const counts = this.#counts.fill(0);
    const masses = this.#masses.fill(0);
    let sum = 0;
    for (let i = 0; i < logits.length; i++) {
      const depth = peak - logits[i]!;
      const position = depth * scale;
      const bucket = position < LAST ? position | 0 : LAST;
      const mass = expNonPositive(-depth * rate);
      sum += mass;
      counts[bucket]!++;
      masses[bucket]! += mass;
    }
    this.mass = sum;
  }

  #count(values: Float32Array, size: number, top: number, scale: number): void {
    const counts = this.#counts.fill(0);
    this.#masses.fill(0);
    for (let i = 0; i < size; i++) {
      const position = (top - values[i]!) * scale;
      counts[position < LAST ? position | 0 : LAST]!++;
    }
  }

  #weighMembers(size: number, top: number, scale: number, peak: number, rate: number): void {
    const masses = this.#masses;
    for (let i = 0; i < size; i++) {
      const x = this.#members[i]!;
      const position = (top - x) * scale;
      masses[position < LAST ? position | 0 : LAST]! += expNonPositive((x - peak) * rate);
    }
  }
}

/** Moves the values of one bucket to the front of `to` (which may be `from`); returns how many. */
function gather(
  from: Float32Array,
  length: number,
  to: Float32Array,
  top: number,
  scale: number,
  bucket: number,
): number {
  let size = 0;
  for (let i = 0; i < length; i++) {
    const x = from[i]!;
    const position = (top - x) * scale;
    if ((position < LAST ? position | 0 : LAST) === bucket) to[size++] = x;
  }
  return size;
}

/** Id of the n-th (from 1) token with this logit. */
function nthEqual(logits: Float32Array, logit: number, n: number): number {
  let id = -1;
  for (let left = n; left > 0; ) if (logits[++id] === logit) left--;
  return id;
}
