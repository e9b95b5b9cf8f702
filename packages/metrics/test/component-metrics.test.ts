import { createComponentMetrics, createMetricsRegistry, showKvCapacity } from "@dyn/metrics";
import { describe, expect, it } from "vitest";

const labels = {
  namespace: "dynamo",
  component: "backend",
  endpoint: "generate",
  workerId: "d3e9b1b7d5201d23",
  model: "tiny",
};
const series = `dynamo_namespace="dynamo",dynamo_component="backend",dynamo_endpoint="generate",worker_id="d3e9b1b7d5201d23",model="tiny"`;

describe("requests of an endpoint", () => {
  it("stand at 0 before the first, under Dynamo's names", async () => {
    const registry = createMetricsRegistry({ processMetrics: false });
    createComponentMetrics(registry, labels);
    const { body } = await registry.render();
    for (const name of [
      "inflight_requests",
      "requests_total",
      "request_bytes_total",
      "response_bytes_total",
      "cancellation_total",
      "request_duration_seconds_count",
    ]) {
      expect(body).toContain(`dynamo_component_${name}{${series}} 0\n`);
    }
    expect(body).toMatch(/dynamo_component_uptime_seconds\{worker_id="d3e9b1b7d5201d23"\} \d/);
  });

  it("are counted by how they end; two endpoints share their families", async () => {
    const registry = createMetricsRegistry({ processMetrics: false });
    const metrics = createComponentMetrics(registry, labels);
    createComponentMetrics(registry, { ...labels, endpoint: "clear_kv_blocks" });
    const ends = [metrics.begun(100), metrics.begun(20), metrics.begun(3)];
    ends[0]!({ errorType: null, isCancelled: false, sentBytes: 500 });
    ends[1]!({ errorType: "internal", isCancelled: false, sentBytes: 7 });
    const { body } = await registry.render();
    ends[2]!({ errorType: null, isCancelled: true, sentBytes: 0 });
    expect(body).toContain(`dynamo_component_inflight_requests{${series}} 1\n`);
    expect(body).toContain(`dynamo_component_requests_total{${series}} 3\n`);
    expect(body).toContain(`dynamo_component_request_bytes_total{${series}} 123\n`);
    expect(body).toContain(`dynamo_component_response_bytes_total{${series}} 507\n`);
    expect(body).toContain(`dynamo_component_errors_total{${series},error_type="internal"} 1\n`);
    expect(body).toContain(`dynamo_component_request_duration_seconds_count{${series}} 2\n`);
    expect((await registry.render()).body).toContain(
      `dynamo_component_cancellation_total{${series}} 1\n`,
    );
  });
});

it("an engine's KV is read by rank when the page is rendered", async () => {
  const registry = createMetricsRegistry({ processMetrics: false });
  const reading = { pagesTotal: 128, pagesUsed: 32, promptTokens: 100, cachedTokens: 25 };
  showKvCapacity(registry, {
    component: "backend",
    model: "tiny",
    loadSeconds: 4.5,
    ranks: [() => reading, () => ({ ...reading, pagesUsed: 0 })] as never,
  });
  const { body } = await registry.render();
  const rank = (n: number) => `{model="tiny",dynamo_component="backend",dp_rank="${n}"}`;
  expect(body).toContain(`dynamo_component_total_blocks${rank(0)} 128\n`);
  expect(body).toContain(`dynamo_component_gpu_cache_usage_percent${rank(0)} 0.25\n`);
  expect(body).toContain(`dynamo_component_gpu_cache_usage_percent${rank(1)} 0\n`);
  expect(body).toContain(`dynamo_component_kv_cache_hit_rate${rank(1)} 0.25\n`);
  expect(body).toContain(
    'dynamo_component_model_load_time_seconds{model="tiny",dynamo_component="backend"} 4.5\n',
  );
});
