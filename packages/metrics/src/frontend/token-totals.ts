import type { Counter } from "prom-client";

/** A number that costs nothing to raise. */
export interface TokenTotal {
  pending: number;
}

/** Tokens counted in plain numbers, moved to their counter when the page is rendered. One entry per model label. */
export class TokenTotals {
  readonly #counter: Counter;
  readonly #totals = new Map<string, TokenTotal>();

  constructor(counter: Counter) {
    this.#counter = counter;
  }

  of(model: string): TokenTotal {
    const known = this.#totals.get(model);
    if (known !== undefined) return known;
    const total = { pending: 0 };
    this.#totals.set(model, total);
    return total;
  }

  flush(): void {
    for (const [model, total] of this.#totals) {
      if (total.pending === 0) continue;
      this.#counter.inc({ model }, total.pending);
      total.pending = 0;
    }
  }
}
