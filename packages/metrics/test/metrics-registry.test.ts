import { describe, expect, it } from "vitest";
import { createFrontendMetrics, createMetricsRegistry } from "../src/index.ts";
import { logSpacedBuckets } from "../src/registry/log-spaced-buckets.ts";

describe("metrics registry", () => {
  it("answers in Prometheus' text format with process metrics", async () => {
    const { contentType, body } = await createMetricsRegistry().render();
    expect(contentType).toBe("text/plain; version=0.0.4; charset=utf-8");
    expect(body).toMatch(/^process_resident_memory_bytes \d+/m);
    expect(body.endsWith("\n")).toBe(true);
  });

  it("refuses a name that is taken", () => {
    const registry = createMetricsRegistry({ processMetrics: false });
    createFrontendMetrics(registry);
    expect(() => createFrontendMetrics(registry)).toThrow(/already been registered/);
    expect(() => createFrontendMetrics(registry, { prefix: "other" })).not.toThrow();
  });

  it("escapes what labels bring", async () => {
    const registry = createMetricsRegistry({ processMetrics: false });
    const series = registry.weightedHistogram({
      name: "w",
      help: "weights",
      labelNames: ["model"],
      buckets: [1],
    });
    series.series('a"b\n').observe(2, 1);
    expect((await registry.render()).body).toContain('w_bucket{le="+Inf",model="a\\"b\\n"} 1');
  });

  it("gives a weighted histogram the same text as single observations", async () => {
    const buckets = logSpacedBuckets({ min: 0.01, max: 10, count: 7 });
    const registry = createMetricsRegistry({ processMetrics: false });
    const options = { help: "x", labelNames: ["model"], buckets };
    const weighted = registry.weightedHistogram({ ...options, name: "weighted" });
    const single = registry.histogram({ ...options, name: "single" });
    for (const [value, weight] of [
      [0, 1],
      [0.032, 3],
      [0.5, 2],
      [10, 4],
      [11, 5],
    ] as const) {
      weighted.series("tiny").observe(value, weight);
      for (let i = 0; i < weight; i++) single.observe({ model: "tiny" }, value);
    }
    const { body } = await registry.render();
    const [first, second] = body.trim().split("\n\n");
    const rounded = (text?: string) =>
      text?.replace(/(_sum\S* )(\S+)/, (_, name, sum) => name + Number(sum).toFixed(9));
    expect(rounded(first?.replaceAll("weighted", "single"))).toBe(rounded(second));
  });

  it("runs what was asked before each rendering until it is taken back", async () => {
    const registry = createMetricsRegistry({ processMetrics: false });
    let runs = 0;
    const stop = registry.onRender(() => void runs++);
    await registry.render();
    stop();
    await registry.render();
    expect(runs).toBe(1);
  });

  it("refuses bounds that cannot be spaced", () => {
    expect(() => logSpacedBuckets({ min: 0, max: 1, count: 5 })).toThrow("0 < min < max");
    expect(() => logSpacedBuckets({ min: 1, max: 1, count: 5 })).toThrow("0 < min < max");
    expect(() => logSpacedBuckets({ min: 1, max: 2, count: 1 })).toThrow(">= 2");
  });
});
