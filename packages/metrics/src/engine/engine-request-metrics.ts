// SGLang's histograms (0.5.21, its bounds): told per request and step.
import type { MetricsRegistry } from "../registry/metrics-registry.ts";
import type { WeightedHistogram, WeightedSeries } from "../registry/weighted-histogram.ts";
import type { EngineMetricsOptions } from "./engine-metrics-like.ts";

export interface RequestStart {
  readonly promptTokens: number;
  /** Of the prompt tokens, those that came from the cache. */
  readonly cachedTokens: number;
  /** `null`: it ended in the queue. */
  readonly queueSeconds: number | null;
  /** From its arrival at the engine; `null`: it ended without a token. */
  readonly firstTokenSeconds: number | null;
}

export interface EngineRequest {
  /** Once for each choice; the first call counts for the request. */
  begunToSpeak(start: RequestStart): void;
  /** A step brought tokens to a choice. */
  step(choiceIndex: number, tokenCount: number): void;
  /** Tokens of the whole choice. */
  choiceEnded(tokenCount: number): void;
  ended(): void;
}

export interface EngineRequestMetrics {
  begun(): EngineRequest;
}

const latencyBuckets = [
  ...[0.1, 0.2, 0.4, 0.6, 0.8, 1, 2, 4, 6, 8, 10, 20, 40, 60, 80, 100, 200, 400],
];
const interTokenBuckets = [
  ...[0.002, 0.004, 0.006, 0.008, 0.01, 0.015, 0.02, 0.025, 0.03, 0.035, 0.04, 0.06, 0.08, 0.1],
  ...[0.2, 0.4, 0.6, 0.8, 1, 2, 4, 6, 8],
];
const tokenBuckets = [
  ...[100, 300, 500, 700, 1000, 1500, 2000, 3000, 4000, 5000, 6000, 7000, 8000, 9000, 10_000],
  ...[12_500, 15_000, 17_500, 20_000, 22_500, 25_000, 27_500, 30_000, 35_000, 40_000, 60_000],
  ...[80_000, 100_000, 200_000, 300_000, 400_000, 600_000, 800_000, 1_000_000, 1_100_000],
];
const queueBuckets = [
  ...[0, 0.001, 0.005, 0.01, 0.05, 0.1, 0.2, 0.5, 1, 2, 3, 4, 5, 10, 15, 20, 30, 40, 50, 60, 70],
  ...[80, 90, 100, 200, 300, 400, 500, 600, 700, 800, 900, 1000, 1200, 1400, 1600, 1800, 2000],
  ...[2500, 3000],
];

const families = {
  firstToken: {
    name: "sglang:time_to_first_token_seconds",
    help: "From a request's arrival at the engine to its first token",
    buckets: latencyBuckets,
    more: ["is_streaming"],
  },
  interToken: {
    name: "sglang:inter_token_latency_seconds",
    help: "Between tokens of a choice: a step's time, shared by its tokens",
    buckets: interTokenBuckets,
    more: [],
  },
  whole: {
    name: "sglang:e2e_request_latency_seconds",
    help: "From a request's arrival to its end",
    buckets: [...latencyBuckets, 600, 1200, 1800, 2400],
    more: ["is_streaming"],
  },
  prompt: {
    name: "sglang:prompt_tokens_histogram",
    help: "Prompt tokens of requests",
    buckets: tokenBuckets,
    more: [],
  },
  uncached: {
    name: "sglang:uncached_prompt_tokens_histogram",
    help: "Prompt tokens of requests that had to be computed",
    buckets: tokenBuckets,
    more: [],
  },
  generated: {
    name: "sglang:generation_tokens_histogram",
    help: "Generated tokens of choices",
    buckets: tokenBuckets,
    more: [],
  },
  queue: {
    name: "sglang:queue_time_seconds",
    help: "From a request's arrival at the engine until it has pages",
    buckets: queueBuckets,
    more: [],
  },
} as const;

type Name = keyof typeof families;
type Series = Readonly<Record<Name, WeightedSeries>>;

/** Several engines of a process share their families. */
const histogramsByRegistry = new WeakMap<MetricsRegistry, ReadonlyMap<Name, WeightedHistogram>>();

/** With the labels that `createEngineMetrics` puts on the same engine; its series stand at 0 before the first request. */
export function createEngineRequestMetrics(
  registry: MetricsRegistry,
  options: Pick<EngineMetricsOptions, "model" | "engineType" | "labels">,
): EngineRequestMetrics {
  const labels: Readonly<Record<string, string>> = {
    model_name: options.model,
    engine_type: options.engineType ?? "unified",
    ...options.labels,
  };
  let histograms = histogramsByRegistry.get(registry);
  if (histograms === undefined) {
    histograms = createHistograms(registry, Object.keys(labels));
    histogramsByRegistry.set(registry, histograms);
  }
  const entries = Object.entries(families).map(([name, { more }]) => {
    // A worker's answers always travel as they grow.
    const values = [...Object.values(labels), ...more.map(() => "true")];
    return [name, histograms.get(name as Name)!.series(...values)];
  });
  const series = Object.fromEntries(entries) as Series;
  return { begun: () => new ObservedRequest(series) };
}

function createHistograms(registry: MetricsRegistry, labelNames: readonly string[]) {
  return new Map(
    Object.entries(families).map(([key, { name, help, buckets, more }]) => [
      key as Name,
      registry.weightedHistogram({ name, help, buckets, labelNames: [...labelNames, ...more] }),
    ]),
  );
}

class ObservedRequest implements EngineRequest {
  readonly #series: Series;
  readonly #begunMs = performance.now();
  /** When each choice last brought tokens, by choice index. */
  readonly #lastMs: number[] = [];
  #hasSpoken = false;

  constructor(series: Series) {
    this.#series = series;
  }

  begunToSpeak(start: RequestStart): void {
    if (this.#hasSpoken) return;
    this.#hasSpoken = true;
    const { prompt, uncached, queue, firstToken } = this.#series;
    prompt.observe(start.promptTokens, 1);
    uncached.observe(start.promptTokens - start.cachedTokens, 1);
    if (start.queueSeconds !== null) queue.observe(start.queueSeconds, 1);
    if (start.firstTokenSeconds !== null) firstToken.observe(start.firstTokenSeconds, 1);
  }

  step(choiceIndex: number, tokenCount: number): void {
    if (tokenCount === 0) return;
    const nowMs = performance.now();
    const lastMs = this.#lastMs[choiceIndex];
    this.#lastMs[choiceIndex] = nowMs;
    if (lastMs === undefined) return;
    this.#series.interToken.observe((nowMs - lastMs) / 1000 / tokenCount, tokenCount);
  }

  choiceEnded(tokenCount: number): void {
    this.#series.generated.observe(tokenCount, 1);
  }

  ended(): void {
    this.#series.whole.observe((performance.now() - this.#begunMs) / 1000, 1);
  }
}
