// Shows engines by reading their snapshots when the page is rendered: nothing is done per token or per step.
import { InvalidArgumentError } from "@dyn/protocol";
import type { MetricsRegistry } from "../registry/metrics-registry.ts";
import {
  createEngineFamilies,
  type EngineFamilies,
  type EngineReading,
  engineCounters,
  engineGauges,
} from "./engine-families.ts";
import type { EngineMetricsLike, EngineMetricsOptions } from "./engine-metrics-like.ts";

/** Several engines of a process share their families. */
const familiesByRegistry = new WeakMap<MetricsRegistry, EngineFamilies>();

/**
 * Adds one engine to a registry. The result takes its series away again.
 * Gauges over a "last window" (cache_hit_rate, num_retracted_reqs) cover the time since the page was rendered before.
 */
export function createEngineMetrics(
  registry: MetricsRegistry,
  options: EngineMetricsOptions,
  snapshot: () => EngineMetricsLike,
): () => void {
  const labels = {
    model_name: options.model,
    engine_type: options.engineType ?? "unified",
    ...options.labels,
  };
  let families = familiesByRegistry.get(registry);
  if (families === undefined) {
    families = createEngineFamilies(registry, Object.keys(labels));
    familiesByRegistry.set(registry, families);
  }
  if (Object.keys(labels).sort().join() !== [...families.labelNames].sort().join()) {
    throw new InvalidArgumentError(
      `Labels of engines in one registry must have the same names: ${families.labelNames.join(", ")}; these are ${Object.keys(labels).join(", ")}.`,
      { param: "labels" },
    );
  }
  const { gauges, counters } = families;
  const shown = new Array<number>(engineCounters.length).fill(0);
  let before: EngineMetricsLike | null = null;
  let cacheHitRate = 0;

  const stop = registry.onRender(() => {
    const now = snapshot();
    const grown = (key: "promptTokens" | "cachedTokens" | "retractions") =>
      growth(before?.[key] ?? 0, now[key]);
    const prompt = grown("promptTokens");
    if (prompt > 0) cacheHitRate = grown("cachedTokens") / prompt;
    const reading: EngineReading = {
      now,
      pageSize: options.pageSize,
      contextLength: options.contextLength,
      weightBytes: options.weightBytes,
      kvBytesPerToken: options.kvBytesPerToken,
      cacheHitRate,
      retracted: grown("retractions"),
    };
    before = now;
    for (const family of engineGauges) {
      const value = family.value(reading);
      if (value !== undefined) gauges.get(family.name)!.set({ ...labels, ...family.labels }, value);
    }
    for (const [i, family] of engineCounters.entries()) {
      const value = family.value(reading) ?? 0;
      const counter = counters.get(family.name)!;
      counter.inc({ ...labels, ...family.labels }, growth(shown[i]!, value));
      shown[i] = value;
    }
  });

  return () => {
    stop();
    for (const family of engineGauges) {
      gauges.get(family.name)!.remove({ ...labels, ...family.labels });
    }
    for (const family of engineCounters) {
      counters.get(family.name)!.remove({ ...labels, ...family.labels });
    }
  };
}

/** A counter that fell has started again. */
function growth(before: number, now: number): number {
  return now >= before ? now - before : now;
}
