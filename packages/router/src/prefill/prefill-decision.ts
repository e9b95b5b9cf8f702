// Where the prompt of a request is prefilled, and why.

/** `concurrent`: both workers at once. `prefill-first`: the decode worker once the other has answered. */
export type PrefillFlow = "concurrent" | "prefill-first" | "local";

export type PrefillReason =
  /** The rule: the pool prefills. */
  | "pool"
  | "no-prefill-worker"
  /** Those that are there cannot hand over to the decode workers. */
  | "mismatched"
  /** Those that were asked have failed. */
  | "prefill-failed"
  /** What a lost decode worker had begun goes on at another. */
  | "resumed"
  /** Little of it is not cached at the decode worker. */
  | "short"
  | "prefill-busy";

export interface PrefillDecision {
  readonly sequence: number;
  readonly atMs: number;
  readonly requestId: string | null;
  readonly model: string;
  readonly flow: PrefillFlow;
  readonly reason: PrefillReason;
  readonly tokenCount: number;
  /** Of the prompt, what the decode worker would have to compute; `null`: nobody looked. */
  readonly uncachedTokens: number | null;
  /** Above their thresholds; `null`: nobody looked. */
  readonly isPrefillBusy: boolean | null;
  readonly isDecodeBusy: boolean | null;
  /** Of the pool; `null` when it is local. */
  readonly workerId: bigint | null;
  /** `null`: the worker's own choice. */
  readonly dpRank: number | null;
}

/** As JSON: ids are u64, so they are strings of digits. */
export function prefillDecisionToJson(decision: PrefillDecision): Record<string, unknown> {
  return {
    sequence: decision.sequence,
    at: new Date(decision.atMs).toISOString(),
    request_id: decision.requestId,
    model: decision.model,
    flow: decision.flow,
    reason: decision.reason,
    isl_tokens: decision.tokenCount,
    uncached_tokens: decision.uncachedTokens,
    prefill_busy: decision.isPrefillBusy,
    decode_busy: decision.isDecodeBusy,
    worker_id: decision.workerId?.toString() ?? null,
    dp_rank: decision.dpRank,
  };
}
