// The page that a process shows to Prometheus. With metrics-snapshot.ts the only room that knows prom-client.
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { GaugeMerge, MetricsSnapshot } from "./metrics-snapshot.ts";
import { SeriesTotals } from "./series-totals.ts";
import { WeightedHistogram } from "./weighted-histogram.ts";

// Names of our own, so that packages which build on families need not know the library behind them.
export interface CounterFamily extends Counter {}
export interface GaugeFamily extends Gauge {}
export interface HistogramFamily extends Histogram {}

export interface FamilyOptions {
  /** With its prefix; counters end in `_total` where their reference does. */
  readonly name: string;
  readonly help: string;
  readonly labelNames?: readonly string[];
}

export interface GaugeOptions extends FamilyOptions {
  /** How those of several processes become one. Default `sum`. */
  readonly merge?: GaugeMerge;
}

export interface HistogramOptions extends FamilyOptions {
  /** Upper bounds, ascending, without +Inf. */
  readonly buckets: readonly number[];
}

export class MetricsRegistry {
  readonly #registry = new Registry();
  readonly #collectors = new Set<() => void>();

  constructor(options: { processMetrics?: boolean } = {}) {
    if (options.processMetrics ?? true) collectDefaultMetrics({ register: this.#registry });
  }

  /** The whole page, in Prometheus' text format 0.0.4. */
  async render(): Promise<{ contentType: string; body: string }> {
    for (const collect of this.#collectors) collect();
    return { contentType: this.#registry.contentType, body: await this.#registry.metrics() };
  }

  /** The whole page as plain objects, to be merged with those of other processes. */
  async snapshot(): Promise<MetricsSnapshot> {
    for (const collect of this.#collectors) collect();
    return this.#registry.getMetricsAsJSON();
  }

  /** Runs before each rendering: what is cheap to read is read there and nowhere else. Returns the way out. */
  onRender(collect: () => void): () => void {
    this.#collectors.add(collect);
    return () => void this.#collectors.delete(collect);
  }

  /** Throws when the name is taken, as do the others. */
  counter(options: FamilyOptions): CounterFamily {
    return new Counter(this.#configuration(options));
  }

  gauge(options: GaugeOptions): GaugeFamily {
    return new Gauge({ ...this.#configuration(options), aggregator: options.merge ?? "sum" });
  }

  histogram(options: HistogramOptions): HistogramFamily {
    return new Histogram({ ...this.#configuration(options), buckets: [...options.buckets] });
  }

  /** A counter for hot paths. */
  totals(options: FamilyOptions): SeriesTotals {
    return this.#totalsOf(this.counter(options), options);
  }

  /** A gauge for hot paths, which go up and down by what is added. */
  levels(options: GaugeOptions): SeriesTotals {
    return this.#totalsOf(this.gauge(options), options);
  }

  /** A histogram for hot paths. `showsEmpty` (default true): a child appears when it is made, not with its first value. */
  weightedHistogram(
    options: HistogramOptions & { readonly showsEmpty?: boolean },
  ): WeightedHistogram {
    const { buckets, showsEmpty = true } = options;
    return new WeightedHistogram(
      { ...this.#configuration(options), buckets: [...buckets] },
      { showsEmpty },
    );
  }

  #totalsOf(family: Counter | Gauge, { labelNames = [] }: FamilyOptions): SeriesTotals {
    const totals = new SeriesTotals(family, labelNames);
    this.onRender(() => totals.flush());
    return totals;
  }

  #configuration({ name, help, labelNames = [] }: FamilyOptions) {
    return { name, help, labelNames: [...labelNames], registers: [this.#registry] };
  }
}

/** `processMetrics` (default true) adds prom-client's process and Node.js families; they run as long as the process. */
export function createMetricsRegistry(options?: { processMetrics?: boolean }): MetricsRegistry {
  return new MetricsRegistry(options);
}
