// What a decision costs: the names and bounds of Dynamo 1.6.1, in milliseconds.
import type { MetricsRegistry } from "@dyn/metrics";

const growing = (first: number, count: number, factor: number) =>
  Array.from({ length: count }, (_, i) => first * factor ** i);
const hashBounds = growing(0.001, 15, 2);
const bounds = growing(0.01, 17, 3);

export function createOverheadFamilies(registry: MetricsRegistry) {
  const histogram = (name: string, help: string, buckets: readonly number[]) =>
    registry.histogram({
      name: `dynamo_router_overhead_${name}_ms`,
      help,
      buckets,
      labelNames: ["router_id"],
    });
  return {
    blockHashing: histogram("block_hashing", "Hashing the blocks of a prompt.", hashBounds),
    sequenceHashing: histogram("seq_hashing", "Chaining their hashes.", hashBounds),
    finding: histogram("indexer_find_matches", "Searching the index.", bounds),
    scheduling: histogram("scheduling", "Weighing the workers.", bounds),
    total: histogram("total", "All of a decision.", bounds),
  };
}
