// What a router is asked, and what it says.
import type { BlockHashes, WorkerOverlap } from "@dyn/kv-events";
import type { PreprocessedRequest } from "@dyn/protocol";
import type { TraceContext } from "@dyn/runtime";
import type { DecisionRecord } from "../decision/decision-record.ts";
import type { RankId } from "../load/active-requests.ts";
import type { Booking } from "../load/request-books.ts";
import type { PrefillDecision } from "../prefill/prefill-decision.ts";

export interface RouteQuery {
  readonly request: PreprocessedRequest;
  readonly requestId: string | null;
  /** Workers that may take it, in no order; at least one. */
  readonly workerIds: readonly bigint[];
  /** The request must go there. */
  readonly pin?: bigint | null;
  readonly queuedMs?: number;
  /** Of the request, where they are known. */
  readonly hashes?: BlockHashes;
  /** What a remote index says of them. */
  readonly told?: readonly WorkerOverlap[];
  /** The trace that the request belongs to, for those who follow decisions. */
  readonly trace?: TraceContext | null;
  /** Where the prompt is prefilled, as far as that was decided before. */
  readonly prefill?: PrefillDecision | null;
}

/** Where a request would go now. */
export interface RoutePreview extends RankId {
  /** Prompt tokens that count as cached there. */
  readonly cachedTokens: number;
}

export interface RouteChoice extends Booking {
  readonly record: DecisionRecord;
  /** What the worker was believed to have of the prompt. */
  readonly promise: CachePromise;
}

/** Leading blocks of a prompt that a rank has cached when it comes to it. */
export interface CachePromise {
  /** By its events, on the device. */
  readonly leastBlocks: number;
  /** With its other tiers, and with what requests that run there hold and may have left by then. */
  readonly mostBlocks: number;
}
