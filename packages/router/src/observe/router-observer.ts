// What a router tells whoever counts: metrics, logs.
import type { RouterEvent } from "@dyn/kv-events";
import type { TraceContext } from "@dyn/runtime";
import type { DecisionRecord } from "../decision/decision-record.ts";
import type { QueueLimit } from "../queue/request-queue.ts";

export interface RouterObserver {
  /** A request came, for the first time or again. */
  received?(className: string | null): void;
  /** `trace`: the request's, to hang `decisionToSpan(record)` under. */
  decided?(record: DecisionRecord, trace: TraceContext | null): void;
  /** A prompt was hashed: milliseconds for its blocks, and for the chain of their hashes. */
  hashed?(times: { readonly blockMs: number; readonly sequenceMs: number }): void;
  /** Milliseconds of the steps of one decision. `hashMs`: 0 where the hashes were known. */
  timed?(steps: {
    readonly hashMs: number;
    readonly findMs: number;
    readonly chooseMs: number;
  }): void;
  firstToken?(seconds: number, record: DecisionRecord): void;
  /** A later item of an answer: seconds for each of its tokens. */
  step?(secondsPerToken: number, record: DecisionRecord): void;
  /** `reusedTokens`: of the prompt, by the worker's own word. */
  ended?(outputTokens: number, reusedTokens: number): void;
  /** Of a decode pool: from the end of a prefill until the first token of the decode worker, 0 where that came first. */
  handedOver?(seconds: number): void;
  /** The queue was full. */
  refused?(what: QueueLimit, className: string | null): void;
  eventApplied?(event: RouterEvent, outcome: string): void;
  /** Once for each worker and fault. */
  warned?(message: string): void;
  problem?(message: string, error: unknown): void;
}
