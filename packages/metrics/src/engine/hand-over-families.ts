// Hand-over of KV between prefill and decode workers: SGLang 0.5.21's names and bounds where it has them, ours elsewhere.
import type { MetricsRegistry } from "../registry/metrics-registry.ts";

const milliseconds = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500];
const latencyMs = [...milliseconds, 5000];
const megabytes = [1, 5, 10, 50, 100, 500, 1000, 5000, 10_000];
const gigabytesPerSecond = [0.1, 0.5, 1, 5, 10, 25, 50, 100, 200, 400];

export type HandOverFamilies = ReturnType<typeof createHandOverFamilies>;

export function createHandOverFamilies(registry: MetricsRegistry, labelNames: readonly string[]) {
  const family = (name: string, help: string, more: readonly string[] = []) => ({
    name,
    help,
    labelNames: [...labelNames, ...more],
  });
  const gauge = (name: string, help: string) => registry.gauge(family(name, help));
  const counter = (name: string, help: string, ...more: string[]) =>
    registry.counter(family(name, help, more));
  const histogram = (name: string, help: string, buckets: readonly number[]) =>
    registry.histogram({ ...family(`sglang:kv_transfer_${name}`, help), buckets });
  return {
    speed: histogram(
      "speed_gb_s",
      "Of a prompt's KV, in 10^9 bytes per second",
      gigabytesPerSecond,
    ),
    latency: histogram(
      "latency_ms",
      "From the first run of KV until the decode worker had all of it",
      latencyMs,
    ),
    size: histogram("total_mb", "KV of a prompt, in 10^6 bytes", megabytes),
    bootstrap: histogram("bootstrap_ms", "Until the two workers had met", milliseconds),
    allocation: histogram(
      "alloc_ms",
      "Until there was room: for the first run to be sent, or for the pages that it goes to",
      milliseconds,
    ),
    waitingForDecode: gauge(
      "sglang:num_prefill_bootstrap_queue_reqs",
      "Requests that wait for their decode worker",
    ),
    handingOver: gauge(
      "sglang:num_prefill_inflight_queue_reqs",
      "Requests whose KV is on its way, or not acknowledged yet",
    ),
    waitingForPages: gauge(
      "sglang:num_decode_prealloc_queue_reqs",
      "Requests that wait for pages to receive KV in",
    ),
    receiving: gauge(
      "sglang:num_decode_transfer_queue_reqs",
      "Requests that have pages and wait for KV",
    ),
    bootstrapFailures: counter(
      "sglang:num_bootstrap_failed_reqs_total",
      "Requests whose other worker was never reached",
    ),
    transferFailures: counter(
      "sglang:num_transfer_failed_reqs_total",
      "Requests whose KV did not arrive",
    ),
    leases: gauge("dyn_hand_over_leases", "Claims of the other worker on pages that are open"),
    mismatchedPeers: gauge(
      "dyn_hand_over_mismatched_peers",
      "Workers of the other half, of the same model, that this one cannot be paired with",
    ),
    leasedPages: gauge("dyn_hand_over_leased_pages", "Pages that are neither freed nor reused"),
    leaseEnds: counter("dyn_hand_over_lease_ends_total", "Leases that ended, by how", "end"),
    seconds: counter(
      "dyn_hand_over_lease_seconds_total",
      "From the allocation of pages to the acknowledgement, of leases that were acknowledged",
    ),
    bytes: counter("dyn_hand_over_bytes_total", "KV sent or received"),
    runs: counter("dyn_hand_over_runs_total", "Runs of KV sent or received"),
    damagedRuns: counter(
      "dyn_hand_over_checksum_failures_total",
      "Runs that came damaged; nothing of them was used",
    ),
    ownPrefills: counter(
      "dyn_hand_over_own_prefills_total",
      "Prompts whose KV did not come and that the decode worker computed, by why",
      "cause",
    ),
  };
}
