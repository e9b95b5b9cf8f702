/** Finds a row of token ids among those that come one by one (Knuth, Morris, Pratt). */
export class TokenPattern {
  readonly #ids: readonly number[];
  /** By matched count: how many are matched when the next id does not fit. */
  readonly #fallback: readonly number[];
  #matched = 0;

  /** At least one id. */
  constructor(ids: readonly number[]) {
    this.#ids = ids;
    const fallback = [0, 0];
    for (let i = 1, k = 0; i < ids.length; i++) {
      while (k > 0 && ids[i] !== ids[k]) k = fallback[k]!;
      if (ids[i] === ids[k]) k++;
      fallback.push(k);
    }
    this.#fallback = fallback;
  }

  /** The id that would go on with what is matched so far. */
  get nextId(): number {
    return this.#ids[this.#matched]!;
  }

  /** `true` when the last ids are the row. */
  accept(id: number): boolean {
    while (this.#matched > 0 && this.#ids[this.#matched] !== id) {
      this.#matched = this.#fallback[this.#matched]!;
    }
    if (this.#ids[this.#matched] === id) this.#matched++;
    if (this.#matched < this.#ids.length) return false;
    this.#matched = 0;
    return true;
  }
}
