// Why a request went where it went.
import { type PrefillDecision, prefillDecisionToJson } from "../prefill/prefill-decision.ts";

export interface CandidateRecord {
  readonly workerId: bigint;
  readonly dpRank: number;
  readonly deviceBlocks: number;
  readonly hostBlocks: number;
  readonly diskBlocks: number;
  /** By the load model of the settings: counted, or what is estimated to be left. */
  readonly activePrefillTokens: number;
  readonly decodeBlocks: number;
  readonly activeRequests: number;
  /** What its decode blocks are measured against; 0 = not known of all candidates. */
  readonly totalKvBlocks: number;
  /** Weighted cached blocks. */
  readonly credit: number;
  /** What it would cost; the smallest wins. */
  readonly logit: number;
  /** Why it could not be chosen; `null`: it could. */
  readonly excluded: "busy" | "bound" | "taints" | "prefix" | "load" | null;
}

export interface DecisionRecord {
  readonly sequence: number;
  readonly atMs: number;
  readonly requestId: string | null;
  readonly model: string;
  readonly mode: string;
  /** `cost`, `two-tier`, or the name of a profile. */
  readonly policy: string;
  /** `cost`: the cheapest. `pin`: the request named it. `session`: its session is there. `only`: nobody else was left. */
  readonly reason: "cost" | "pin" | "session" | "only";
  readonly tokenCount: number;
  /** Tokens of a block. */
  readonly blockSize: number;
  /** Complete ones. */
  readonly blockCount: number;
  /** With the partial one at the end. */
  readonly promptBlocks: number;
  readonly workerId: bigint;
  readonly dpRank: number;
  /** Weighted cached blocks of the winner, rounded. */
  readonly overlapBlocks: number;
  /** Candidates with the lowest cost. */
  readonly tieCount: number;
  readonly temperature: number;
  /** Milliseconds in the router's queue. */
  readonly queuedMs: number;
  /** Microseconds to hash, search and choose. */
  readonly tookUs: number;
  /** At most 64, the cheapest first. */
  readonly candidates: readonly CandidateRecord[];
  readonly candidateCount: number;
  /** Where its prompt is prefilled; `null`: here, since nothing else was there to decide. */
  readonly prefill: PrefillDecision | null;
}

/** As JSON: ids are u64, so they are strings of digits. */
export function decisionToJson(record: DecisionRecord): Record<string, unknown> {
  return {
    sequence: record.sequence,
    at: new Date(record.atMs).toISOString(),
    request_id: record.requestId,
    model: record.model,
    mode: record.mode,
    policy: record.policy,
    reason: record.reason,
    isl_tokens: record.tokenCount,
    request_blocks: record.blockCount,
    worker_id: record.workerId.toString(),
    dp_rank: record.dpRank,
    overlap_blocks: record.overlapBlocks,
    ties: record.tieCount,
    temperature: record.temperature,
    queued_ms: record.queuedMs,
    took_us: record.tookUs,
    candidate_count: record.candidateCount,
    ...(record.prefill === null ? {} : { prefill: prefillDecisionToJson(record.prefill) }),
    candidates: record.candidates.map((it) => ({
      worker_id: it.workerId.toString(),
      dp_rank: it.dpRank,
      device_blocks: it.deviceBlocks,
      host_blocks: it.hostBlocks,
      disk_blocks: it.diskBlocks,
      active_prefill_tokens: it.activePrefillTokens,
      decode_blocks: it.decodeBlocks,
      active_requests: it.activeRequests,
      total_kv_blocks: it.totalKvBlocks,
      credit: it.credit,
      cost: it.logit,
      excluded: it.excluded,
    })),
  };
}
