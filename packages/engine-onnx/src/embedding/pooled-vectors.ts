// From hidden states of tokens to one vector per prompt, as sentence-transformers pools; prompts may come in pieces.
import type { PoolingMode } from "@dyn/model-files";

/** Below it a vector counts as zero and stays so (torch.nn.functional.normalize). */
const leastNorm = 1e-12;

/** Which tokens of a piece the pooling reads. */
export type TokensRead = "first" | "last" | "all";

export function tokensRead(mode: PoolingMode): TokensRead {
  if (mode === "lasttoken") return "last";
  return mode === "cls" ? "first" : "all";
}

/** The vectors of one batch. */
export class PooledVectors {
  readonly #mode: PoolingMode;
  readonly #size: number;
  readonly #lengths: Int32Array;
  /** [prompts, size]; sums are kept in float64. */
  readonly #values: Float64Array;

  constructor(mode: PoolingMode, size: number, lengths: Int32Array) {
    this.#mode = mode;
    this.#size = size;
    this.#lengths = lengths;
    this.#values = new Float64Array(lengths.length * size);
    if (mode === "max") this.#values.fill(Number.NEGATIVE_INFINITY);
  }

  /** Adds the hidden state of token `position` of a prompt: `size` numbers of `hidden` from `offset` on. */
  add(prompt: number, position: number, hidden: Float32Array, offset: number): void {
    const size = this.#size;
    const values = this.#values;
    const start = prompt * size;
    switch (this.#mode) {
      case "cls":
      case "lasttoken":
        for (let i = 0; i < size; i++) values[start + i] = hidden[offset + i]!;
        return;
      case "max":
        for (let i = 0; i < size; i++) {
          if (hidden[offset + i]! > values[start + i]!) values[start + i] = hidden[offset + i]!;
        }
        return;
      default: {
        const weight = this.#mode === "weightedmean" ? position + 1 : 1;
        for (let i = 0; i < size; i++) values[start + i]! += weight * hidden[offset + i]!;
      }
    }
  }

  /** [prompts, size] */
  finish(normalize: boolean): Float32Array {
    const vectors = new Float32Array(this.#values.length);
    for (const [prompt, length] of this.#lengths.entries()) {
      const start = prompt * this.#size;
      const sums = this.#values.subarray(start, start + this.#size);
      const scale = 1 / this.#weight(length);
      let square = 0;
      for (const sum of sums) square += (sum * scale) ** 2;
      const factor = normalize ? scale / Math.max(Math.sqrt(square), leastNorm) : scale;
      for (const [i, sum] of sums.entries()) vectors[start + i] = sum * factor;
    }
    return vectors;
  }

  /** What the sum of a prompt is divided by. */
  #weight(length: number): number {
    switch (this.#mode) {
      case "mean":
        return length;
      case "mean_sqrt_len_tokens":
        return Math.sqrt(length);
      case "weightedmean":
        return (length * (length + 1)) / 2;
      default:
        return 1;
    }
  }
}
