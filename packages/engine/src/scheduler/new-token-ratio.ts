// How much of its maximum a running answer is expected to still need. SGLang's rule and constants.
import type { Sequence } from "./sequence.ts";

const initialRatio = 0.7;
const floorShare = 0.14;
const decaySteps = 600;
const headroomTokens = 20;

/** Answers are expected to be at most this much longer than they are. */
const maxEstimatedTokens = 4096;

export class NewTokenRatio {
  readonly #start: number;
  readonly #floor: number;
  readonly #decay: number;
  #value: number;

  constructor(conservativeness: number) {
    this.#start = Math.min(initialRatio * conservativeness, 1);
    this.#floor = this.#start * floorShare;
    this.#decay = (this.#start - this.#floor) / decaySteps;
    this.#value = this.#start;
  }

  get value(): number {
    return this.#value;
  }

  decodeStep(): void {
    this.#value = Math.max(this.#value - this.#decay, this.#floor);
  }

  /** Running answers turned out longer than expected: learn from what they have produced. */
  retracted(running: readonly Sequence[]): void {
    let produced = 0;
    let allowed = 1;
    for (const sequence of running) {
      produced += sequence.produced + headroomTokens;
      allowed += sequence.maxLength - sequence.promptLength;
    }
    this.#value = Math.min(produced / allowed, 1);
  }

  reset(): void {
    this.#value = this.#start;
  }
}

export function estimateNewTokens(sequence: Sequence): number {
  return Math.min(sequence.remaining, maxEstimatedTokens);
}
