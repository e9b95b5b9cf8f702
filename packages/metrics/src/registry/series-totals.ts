import type { Counter, Gauge } from "prom-client";

/** One child of a counter or gauge, changed in a plain number; holding it saves the look-up. */
export class SeriesTotal {
  #pending = 0;
  #hasChanged = false;

  /** Adding 0 makes the child appear, as it does with prom-client. */
  add(count: number): void {
    this.#pending += count;
    this.#hasChanged = true;
  }

  /** What was added since the last time; `null`: nothing. */
  take(): number | null {
    if (!this.#hasChanged) return null;
    const count = this.#pending;
    this.#pending = 0;
    this.#hasChanged = false;
    return count;
  }
}

/**
 * A counter or gauge for hot paths: what is added costs a few nanoseconds and is moved when the page is rendered.
 * prom-client's own takes some hundred each time, for it looks the labels up.
 */
export class SeriesTotals {
  readonly #family: Counter | Gauge;
  readonly #labelNames: readonly string[];
  readonly #series = new Map<
    string,
    { readonly labels: Readonly<Record<string, string>>; readonly total: SeriesTotal }
  >();

  constructor(family: Counter | Gauge, labelNames: readonly string[]) {
    this.#family = family;
    this.#labelNames = labelNames;
  }

  /** The child with these label values, in the order of the family's labelNames; made when new. */
  series(...labelValues: string[]): SeriesTotal {
    const key = labelValues.join("\0");
    const known = this.#series.get(key);
    if (known !== undefined) return known.total;
    const labels = Object.fromEntries(this.#labelNames.map((name, i) => [name, labelValues[i]!]));
    const total = new SeriesTotal();
    this.#series.set(key, { labels, total });
    return total;
  }

  flush(): void {
    for (const { labels, total } of this.#series.values()) {
      const count = total.take();
      if (count !== null) this.#family.inc(labels, count);
    }
  }
}
