// The tokens that top-k, top-p and min-p leave, found without sorting a vocabulary: a first pass gathers what can
// still be among them, and only those are looked at closer.

import { findCut } from "./find-cut.ts";
import { nextAtLeast } from "./next-at-least.ts";
import { expNonPositive, ln } from "./portable-math.ts";
import { sumMass } from "./token-logprobs.ts";

/** Up to this k, the k largest are kept sorted while the row is read. */
const SORTED_LIMIT = 128;

export interface CandidateParams {
  readonly temperature: number;
  readonly topK: number;
  readonly topP: number;
  readonly minP: number;
}

/**
 * A token stays when fewer than k tokens and no more mass than top-p stand before it (both counted in the
 * unfiltered distribution), and when its probability is at least min-p times the largest.
 * "Before" = larger logit, or equal logit and lower id.
 */
export class Candidates {
  /** [size] of vocabSize; in no particular order. */
  readonly tokenIds: Uint32Array;
  /** [size] of vocabSize; aligned with tokenIds. */
  readonly logits: Float32Array;
  size = 0;
  /** Sum of e^((logit - peak) / temperature) over the whole row; 0 when nothing asked for it. */
  mass = 0;
  readonly #scratch: Float32Array;

  constructor(vocabSize: number) {
    this.tokenIds = new Uint32Array(vocabSize);
    this.logits = new Float32Array(vocabSize);
    this.#scratch = new Float32Array(vocabSize);
  }

  /**
   * Returns `false` when every token of the row stays; nothing is gathered then.
   *
   * @param row [vocabSize], no NaN, no +Infinity
   * @param peak the largest of the row
   */
  select(row: Float32Array, peak: number, params: CandidateParams): boolean {
    const { temperature, topP, minP } = params;
    const topK = params.topK > 0 && params.topK < row.length ? params.topK : row.length;
    this.mass = 0;
    if (topK === row.length && topP >= 1 && minP <= 0) return false;

    let least = minP > 0 ? peak + ln(minP) * temperature : Number.NEGATIVE_INFINITY;
    let massLimit = Number.POSITIVE_INFINITY;
    if (topP < 1) {
      this.mass = sumMass(row, peak, 1 / temperature);
      massLimit = topP * this.mass;
      // All tokens below this one together weigh less than 1 - topP: none of them can stay.
      const rest = Math.max(this.mass - massLimit, 1e-300);
      const depth = ln(row.length / rest) * temperature;
      least = Math.max(least, peak - depth * (1 + 1e-9) - 1e-9 * temperature);
    }
    if (topK <= SORTED_LIMIT) {
      this.#gatherLargest(row, least, topK);
      if (topP < 1) this.#cutSorted(peak, 1 / temperature, massLimit);
    } else {
      this.#gather(row, least);
      if (topP < 1 || this.size > topK) {
        this.#cut(peak, topP < 1 ? 1 / temperature : 0, topK, massLimit);
      }
    }
    return true;
  }

  #gather(row: Float32Array, least: number): void {
    const { tokenIds, logits } = this;
    let size = 0;
    for (
      let id = nextAtLeast(row, 0, least);
      id < row.length;
      id = nextAtLeast(row, id + 1, least)
    ) {
      tokenIds[size] = id;
      logits[size++] = row[id]!;
    }
    this.size = size;
  }

  /** Sorted: largest first, of equals the lowest id first. */
  #gatherLargest(row: Float32Array, least: number, count: number): void {
    const { tokenIds, logits } = this;
    let size = 0;
    let floor = least;
    for (
      let id = nextAtLeast(row, 0, floor);
      id < row.length;
      id = nextAtLeast(row, id + 1, floor)
    ) {
      const x = row[id]!;
      // Among equals the earlier one stays.
      if (size === count && x === floor) continue;
      let at = size < count ? size++ : count - 1;
      for (; at > 0 && logits[at - 1]! < x; at--) {
        logits[at] = logits[at - 1]!;
        tokenIds[at] = tokenIds[at - 1]!;
      }
      logits[at] = x;
      tokenIds[at] = id;
      if (size === count) floor = logits[count - 1]!;
    }
    this.size = size;
  }

  #cutSorted(peak: number, rate: number, massLimit: number): void {
    let kept = 0;
    for (let mass = 0; kept < this.size && mass <= massLimit; kept++) {
      mass += expNonPositive((this.logits[kept]! - peak) * rate);
    }
    this.size = kept;
  }

  #cut(peak: number, rate: number, topK: number, massLimit: number): void {
    const { tokenIds, logits } = this;
    const scratch = this.#scratch.subarray(0, this.size);
    scratch.set(logits.subarray(0, this.size));
    const cut = findCut(scratch, { peak, rate, countLimit: topK, massLimit });
    let equals = cut.equals;
    let size = 0;
    for (let i = 0; i < this.size; i++) {
      const x = logits[i]!;
      if (x < cut.logit || (x === cut.logit && equals-- <= 0)) continue;
      tokenIds[size] = tokenIds[i]!;
      logits[size++] = x;
    }
    this.size = size;
  }
}
