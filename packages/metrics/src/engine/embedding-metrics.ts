// Shows an embedding engine: counts read when the page is rendered, sizes noted once per request.
import type { MetricsRegistry } from "../registry/metrics-registry.ts";

/** What is read of an engine; @dyn/engine's EmbeddingMetrics fits. */
export interface EmbeddingMetricsLike {
  readonly runningPrompts: number;
  readonly waitingPrompts: number;
  readonly waitingTokens: number;
  readonly promptTokens: number;
  readonly finishedRequests: number;
  readonly abortedRequests: number;
  readonly batches: number;
}

export interface EmbeddingSizes {
  /** Texts of one request, and their tokens together. */
  observe(sizes: { readonly inputs: number; readonly tokens: number }): void;
}

const powersOfTwo = (most: number) => {
  const bounds: number[] = [];
  for (let bound = 1; bound <= most; bound *= 2) bounds.push(bound);
  return bounds;
};

/** Families of SGLang and of Dynamo's embedding worker. One engine per registry. */
export function createEmbeddingMetrics(
  registry: MetricsRegistry,
  { model }: { readonly model: string },
  read: () => EmbeddingMetricsLike,
): EmbeddingSizes {
  const labels = { model_name: model };
  const family = (name: string, help: string) => ({
    name,
    help,
    labelNames: Object.keys(labels),
  });
  const gauges = [
    [
      registry.gauge(family("sglang:num_running_reqs", "Texts that are computed")),
      (now: EmbeddingMetricsLike) => now.runningPrompts,
    ],
    [
      registry.gauge(family("sglang:num_queue_reqs", "Texts that wait")),
      (now: EmbeddingMetricsLike) => now.waitingPrompts,
    ],
    [
      registry.gauge(family("dyn_embedding_queued_tokens", "Tokens of texts that wait")),
      (now: EmbeddingMetricsLike) => now.waitingTokens,
    ],
  ] as const;
  const counters = [
    [
      registry.counter(family("sglang:prompt_tokens_total", "Tokens of texts that were computed")),
      (now: EmbeddingMetricsLike) => now.promptTokens,
    ],
    [
      registry.counter(family("sglang:num_requests_total", "Requests that were answered")),
      (now: EmbeddingMetricsLike) => now.finishedRequests,
    ],
    [
      registry.counter(family("sglang:num_aborted_requests_total", "Requests that were given up")),
      (now: EmbeddingMetricsLike) => now.abortedRequests,
    ],
    [
      registry.counter(family("dyn_embedding_batches_total", "Batches that were computed")),
      (now: EmbeddingMetricsLike) => now.batches,
    ],
  ] as const;
  const shown = counters.map(() => 0);
  registry.onRender(() => {
    const now = read();
    for (const [gauge, value] of gauges) gauge.set(labels, value(now));
    for (const [i, [counter, value]] of counters.entries()) {
      counter.inc(labels, value(now) - shown[i]!);
      shown[i] = value(now);
    }
  });
  const batchSize = registry.histogram({
    name: "dynamo_embedding_batch_size",
    help: "Texts of a request",
    labelNames: ["model"],
    buckets: powersOfTwo(2048),
  });
  const inputTokens = registry.histogram({
    name: "dynamo_embedding_input_tokens",
    help: "Tokens of all texts of a request",
    labelNames: ["model"],
    buckets: powersOfTwo(8192),
  });
  return {
    observe: ({ inputs, tokens }) => {
      batchSize.observe({ model }, inputs);
      inputTokens.observe({ model }, tokens);
    },
  };
}
