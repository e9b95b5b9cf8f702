// The families of Dynamo 1.6.1 for the endpoints of a worker.
import type { Counter, Gauge, Histogram } from "prom-client";
import type { MetricsRegistry } from "../registry/metrics-registry.ts";

const labelNames = [
  "dynamo_namespace",
  "dynamo_component",
  "dynamo_endpoint",
  "model",
  "worker_id",
];
/** Seconds. */
const durationBuckets = [
  ...[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600],
];

export interface ComponentFamilies {
  readonly inflight: Gauge;
  readonly requests: Counter;
  readonly requestBytes: Counter;
  readonly responseBytes: Counter;
  readonly cancellations: Counter;
  readonly errors: Counter;
  readonly duration: Histogram;
}

export function createComponentFamilies(registry: MetricsRegistry): ComponentFamilies {
  const family = (name: string, help: string) => ({
    name: `dynamo_component_${name}`,
    help,
    labelNames,
  });
  return {
    inflight: registry.gauge(family("inflight_requests", "Requests that the endpoint answers now")),
    requests: registry.counter(family("requests_total", "Requests that the endpoint took")),
    requestBytes: registry.counter(
      family("request_bytes_total", "Bytes of the bodies of requests; none in memory"),
    ),
    responseBytes: registry.counter(
      family("response_bytes_total", "Bytes of the items of answers; none in memory"),
    ),
    cancellations: registry.counter(
      family("cancellation_total", "Requests that their caller stopped or left"),
    ),
    errors: registry.counter({
      ...family("errors_total", "Requests that failed, by the kind of failure"),
      labelNames: [...labelNames, "error_type"],
    }),
    duration: registry.histogram({
      ...family("request_duration_seconds", "From a request's arrival to the end of its answer"),
      buckets: durationBuckets,
    }),
  };
}
