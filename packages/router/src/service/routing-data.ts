// What a standalone router adds to an answer: who gave it, and how long that took.
import type { EngineOutputItem } from "@dyn/protocol";
import type { Annotated } from "@dyn/runtime";
import type { DecisionRecord } from "../decision/decision-record.ts";

export interface RoutedAnswer {
  readonly choiceCount: number;
  /** `null`: no decision was made. */
  readonly decision: () => DecisionRecord | null;
  readonly queueDepth: () => number;
}

/** The first item gains `routing_data.worker_id`, the one that ends the last choice `routing_data.timing` (Dynamo 1.6.1). */
export async function* withRoutingData(
  items: AsyncIterable<Annotated<EngineOutputItem>>,
  { choiceCount, decision, queueDepth }: RoutedAnswer,
): AsyncGenerator<Annotated<EngineOutputItem>> {
  const receivedMs = Date.now();
  const startMs = performance.now();
  const sinceStart = () => performance.now() - startMs;
  let firstMs: number | null = null;
  let left = choiceCount;
  for await (const item of items) {
    const { data } = item;
    if (data === undefined) {
      yield item;
      continue;
    }
    const record = decision();
    const isFirst = firstMs === null;
    firstMs ??= sinceStart();
    const routing: Record<string, unknown> = {};
    if (isFirst && record !== null) {
      const { workerId, dpRank } = record;
      routing.worker_id = {
        prefill_worker_id: workerId,
        prefill_dp_rank: dpRank,
        decode_worker_id: workerId,
        decode_dp_rank: dpRank,
      };
    }
    if (data.finish_reason != null && --left === 0) {
      const queuedMs = record?.queuedMs ?? 0;
      routing.timing = {
        request_received_ms: receivedMs,
        prefill_wait_time_ms: queuedMs,
        prefill_time_ms: Math.max(0, firstMs - queuedMs),
        ttft_ms: firstMs,
        total_time_ms: sinceStart(),
        kv_hit_rate:
          record === null || record.promptBlocks === 0
            ? 0
            : record.overlapBlocks / record.promptBlocks,
        router_queue_depth: queueDepth(),
      };
    }
    const isPlain = Object.keys(routing).length === 0;
    yield isPlain ? item : { ...item, data: { ...data, routing_data: routing } };
  }
}
