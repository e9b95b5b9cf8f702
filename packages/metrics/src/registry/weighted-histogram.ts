import { Histogram } from "prom-client";

interface Line {
  readonly metricName: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly sharedLabels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** One child of a WeightedHistogram; holding it saves the look-up. */
export class WeightedSeries {
  readonly labels: Readonly<Record<string, string>>;
  readonly #bounds: readonly number[];
  /** Observations per bound, not cumulated; the last is +Inf. */
  readonly #weights: Float64Array;
  #sum = 0;
  #isEmpty = true;

  constructor(labels: Readonly<Record<string, string>>, bounds: readonly number[]) {
    this.labels = labels;
    this.#bounds = bounds;
    this.#weights = new Float64Array(bounds.length + 1);
  }

  /** `value` was seen `weight` times. Nothing is allocated. */
  observe(value: number, weight: number): void {
    const bounds = this.#bounds;
    let bucket = 0;
    while (bucket < bounds.length && value > bounds[bucket]!) bucket++;
    this.#weights[bucket]! += weight;
    this.#sum += value * weight;
    this.#isEmpty = false;
  }

  get isEmpty(): boolean {
    return this.#isEmpty;
  }

  /** The lines of this child, cumulated. */
  lines(name: string): Line[] {
    const sharedLabels = this.labels;
    let count = 0;
    const lines: Line[] = [];
    for (const [i, weight] of this.#weights.entries()) {
      count += weight;
      const labels = { le: this.#bounds[i] ?? "+Inf" };
      lines.push({ metricName: `${name}_bucket`, labels, sharedLabels, value: count });
    }
    lines.push({ metricName: `${name}_sum`, labels: {}, sharedLabels, value: this.#sum });
    lines.push({ metricName: `${name}_count`, labels: {}, sharedLabels, value: count });
    return lines;
  }
}

/**
 * A histogram for hot paths: a value counts as often as its weight says, for a few nanoseconds however large the
 * weight. prom-client's own takes some 400 ns for each single observation.
 */
export class WeightedHistogram extends Histogram {
  readonly #name: string;
  readonly #help: string;
  readonly #labelNames: readonly string[];
  readonly #bounds: readonly number[];
  readonly #series = new Map<string, WeightedSeries>();

  readonly #showsEmpty: boolean;

  constructor(
    options: ConstructorParameters<typeof Histogram>[0] & { buckets: number[] },
    settings: { readonly showsEmpty?: boolean } = {},
  ) {
    super(options);
    this.#showsEmpty = settings.showsEmpty ?? true;
    this.#name = options.name;
    this.#help = options.help;
    this.#labelNames = options.labelNames ?? [];
    this.#bounds = options.buckets;
  }

  /** The child with these label values, in the order of labelNames; made when new. */
  series(...labelValues: string[]): WeightedSeries {
    const key = labelValues.join("\0");
    const known = this.#series.get(key);
    if (known !== undefined) return known;
    const labels = Object.fromEntries(this.#labelNames.map((name, i) => [name, labelValues[i]!]));
    const created = new WeightedSeries(labels, this.#bounds);
    this.#series.set(key, created);
    return created;
  }

  /** Where prom-client 15.1.3 takes the lines of a family from, for text as for objects. */
  async getForPromString() {
    const shown = [...this.#series.values()].filter(
      ({ isEmpty }) => !isEmpty || this.#showsEmpty || this.#labelNames.length === 0,
    );
    const values = shown.flatMap((series) => series.lines(this.#name));
    return { name: this.#name, help: this.#help, type: "histogram", aggregator: "sum", values };
  }
}
