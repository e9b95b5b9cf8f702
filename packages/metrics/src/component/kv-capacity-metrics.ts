import type { EngineMetricsLike } from "../engine/engine-metrics-like.ts";
import type { MetricsRegistry } from "../registry/metrics-registry.ts";

export interface KvCapacityOptions {
  readonly component: string;
  readonly model: string;
  /** How long the model took to be ready to compute. */
  readonly loadSeconds: number;
  /** By data-parallel rank. */
  readonly ranks: readonly (() => EngineMetricsLike)[];
}

/** What Dynamo's worker says of its engine's KV (1.6.1); read when the page is rendered. */
export function showKvCapacity(registry: MetricsRegistry, options: KvCapacityOptions): void {
  const labels = { model: options.model, dynamo_component: options.component };
  const family = (name: string, help: string, names: readonly string[]) =>
    registry.gauge({
      name: `dynamo_component_${name}`,
      help,
      labelNames: [...Object.keys(labels), ...names],
    });
  const total = family("total_blocks", "Blocks of KV in all", ["dp_rank"]);
  const usage = family("gpu_cache_usage_percent", "Share of KV that requests hold, 0 to 1", [
    "dp_rank",
  ]);
  const hitRate = family(
    "kv_cache_hit_rate",
    "Share of prompt tokens from the cache, since the start",
    ["dp_rank"],
  );
  const load = family("model_load_time_seconds", "From the start until the engine was ready", []);
  load.set(labels, options.loadSeconds);
  registry.onRender(() => {
    options.ranks.forEach((read, rank) => {
      const now = read();
      const of = { ...labels, dp_rank: String(rank) };
      total.set(of, now.pagesTotal);
      usage.set(of, now.pagesTotal === 0 ? 0 : now.pagesUsed / now.pagesTotal);
      hitRate.set(of, now.promptTokens === 0 ? 0 : now.cachedTokens / now.promptTokens);
    });
  });
}
