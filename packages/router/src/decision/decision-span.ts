// A decision as a span of a trace: plain data in OpenTelemetry's terms, so that a tracer of any make can take it.
import type { DecisionRecord } from "./decision-record.ts";

/** Values that OpenTelemetry allows. Ids are u64: strings of digits. */
export type SpanAttributes = Readonly<Record<string, string | number | boolean | string[]>>;

export interface DecisionSpan {
  readonly name: "dyn.router.decide";
  /** Unix milliseconds, with fractions. */
  readonly startTimeMs: number;
  readonly endTimeMs: number;
  readonly attributes: SpanAttributes;
  /** One for each candidate that is shown, the cheapest first. */
  readonly events: readonly { readonly name: "candidate"; readonly attributes: SpanAttributes }[];
}

/** Waiting in the queue lies before the span; `dyn.router.queued_ms` has it. */
export function decisionToSpan(record: DecisionRecord): DecisionSpan {
  return {
    name: "dyn.router.decide",
    startTimeMs: record.atMs - record.tookUs / 1000,
    endTimeMs: record.atMs,
    attributes: decisionToSpanAttributes(record),
    events: record.candidates.map((it) => ({
      name: "candidate",
      attributes: {
        "dyn.router.worker_id": it.workerId.toString(),
        "dyn.router.dp_rank": it.dpRank,
        "dyn.router.device_blocks": it.deviceBlocks,
        "dyn.router.host_blocks": it.hostBlocks,
        "dyn.router.disk_blocks": it.diskBlocks,
        "dyn.router.active_prefill_tokens": it.activePrefillTokens,
        "dyn.router.decode_blocks": it.decodeBlocks,
        "dyn.router.active_requests": it.activeRequests,
        "dyn.router.credit": it.credit,
        "dyn.router.cost": it.logit,
        ...(it.excluded === null ? {} : { "dyn.router.excluded": it.excluded }),
      },
    })),
  };
}

export function decisionToSpanAttributes(record: DecisionRecord): SpanAttributes {
  return {
    ...(record.requestId === null ? {} : { "dyn.request_id": record.requestId }),
    "gen_ai.request.model": record.model,
    "dyn.router.mode": record.mode,
    "dyn.router.policy": record.policy,
    "dyn.router.reason": record.reason,
    "dyn.router.worker_id": record.workerId.toString(),
    "dyn.router.dp_rank": record.dpRank,
    "dyn.router.prompt_tokens": record.tokenCount,
    "dyn.router.prompt_blocks": record.promptBlocks,
    "dyn.router.overlap_blocks": record.overlapBlocks,
    "dyn.router.ties": record.tieCount,
    "dyn.router.temperature": record.temperature,
    "dyn.router.queued_ms": record.queuedMs,
    "dyn.router.took_us": record.tookUs,
    "dyn.router.candidate_count": record.candidateCount,
  };
}
