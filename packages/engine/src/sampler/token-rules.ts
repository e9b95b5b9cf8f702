// Which tokens a request lets its answer have at all: a list of allowed ones, and rows that must not be completed.
import type { SamplingParams } from "../contract/sampling-params.ts";

export class TokenRules {
  readonly #allowed: readonly number[] | null;
  readonly #singles: readonly number[];
  readonly #rows: readonly (readonly number[])[];
  /** The last tokens, as many as the longest row looks back on. */
  readonly #recent: number[] = [];
  readonly #reach: number;
  #mask: Int32Array | null = null;

  /** `null`: the request rules nothing. */
  static of({ allowedTokenIds, bannedTokenRows }: SamplingParams): TokenRules | null {
    if (allowedTokenIds === null && bannedTokenRows.length === 0) return null;
    return new TokenRules(allowedTokenIds, bannedTokenRows);
  }

  private constructor(allowed: readonly number[] | null, banned: readonly (readonly number[])[]) {
    this.#allowed = allowed;
    this.#singles = banned.flatMap((row) => (row.length === 1 ? row : []));
    this.#rows = banned.filter((row) => row.length > 1);
    this.#reach = Math.max(0, ...this.#rows.map((row) => row.length - 1));
  }

  /** `logits`: [vocabSize]. */
  apply(logits: Float32Array): void {
    if (this.#allowed !== null) {
      this.#mask ??= toMask(this.#allowed, logits.length);
      for (let id = 0; id < logits.length; id++) {
        if ((this.#mask[id >> 5]! & (1 << (id & 31))) === 0) logits[id] = Number.NEGATIVE_INFINITY;
      }
    }
    for (const id of this.#singles) logits[id] = Number.NEGATIVE_INFINITY;
    for (const row of this.#rows) {
      if (this.#endsWith(row)) logits[row[row.length - 1]!] = Number.NEGATIVE_INFINITY;
    }
  }

  accept(id: number): void {
    if (this.#reach === 0) return;
    this.#recent.push(id);
    if (this.#recent.length > this.#reach) this.#recent.shift();
  }

  /** With all of the row but its last id. */
  #endsWith(row: readonly number[]): boolean {
    const start = this.#recent.length - (row.length - 1);
    if (start < 0) return false;
    for (let i = 0; i < row.length - 1; i++) {
      if (this.#recent[start + i] !== row[i]) return false;
    }
    return true;
  }
}

function toMask(ids: readonly number[], vocabSize: number): Int32Array {
  const mask = new Int32Array(Math.ceil(vocabSize / 32));
  for (const id of ids) mask[id >> 5]! |= 1 << (id & 31);
  return mask;
}
