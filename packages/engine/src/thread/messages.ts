// Everything an engine thread can be told, and everything it says. Requests are known by handles:
// small numbers that the asking side gives out.
import type { ErrorRecord } from "@dyn/protocol";
import type { EngineInfo, EngineMetrics } from "../contract/engine.ts";
import type { EngineCommand, EngineControlState } from "../contract/engine-control.ts";
import type { FinishReason, RequestTiming, TokenLogprobs } from "../contract/engine-output.ts";
import type { GenerateRequest } from "../contract/generate-request.ts";
import type { KvEventBatch } from "../contract/kv-event.ts";

export type MessageToEngine =
  | { readonly type: "generate"; readonly handle: number; readonly request: GenerateRequest }
  | { readonly type: "abort"; readonly requestId: string; readonly message: string | undefined }
  | { readonly type: "abortAll"; readonly message: string | undefined }
  | { readonly type: "subscribe"; readonly subscription: number }
  | { readonly type: "unsubscribe"; readonly subscription: number }
  /** Answered by `flushed`. */
  | { readonly type: "flushCache"; readonly call: number }
  /** Answered by `controlled`. */
  | { readonly type: "control"; readonly call: number; readonly command: EngineCommand }
  /** Everything ends, then the thread says `closed` and no more. */
  | { readonly type: "close" };

/** What the thread tells of itself. */
export interface EngineReading {
  readonly metrics: EngineMetrics;
  /** Messages `generate` so far: what was sent and is not counted here waits for a thread that does not listen. */
  readonly heard: number;
}

export type MessageFromEngine =
  | { readonly type: "ready"; readonly info: EngineInfo; readonly reading: EngineReading }
  /** The request was not taken: nothing follows for this handle. */
  | {
      readonly type: "refused";
      readonly handle: number;
      readonly error: ErrorRecord;
      readonly reading: EngineReading;
    }
  | { readonly type: "outputs"; readonly outputs: FlatOutputs; readonly reading: EngineReading }
  | { readonly type: "kvEvents"; readonly subscription: number; readonly batch: KvEventBatch }
  /** A step without outputs, or nothing runs or waits any more. */
  | { readonly type: "reading"; readonly reading: EngineReading }
  | {
      readonly type: "flushed";
      readonly call: number;
      readonly done: boolean;
      readonly reading: EngineReading;
    }
  | {
      readonly type: "controlled";
      readonly call: number;
      readonly answer: { readonly state: EngineControlState } | { readonly error: ErrorRecord };
      readonly reading: EngineReading;
    }
  /** `error`: closing itself failed. */
  | { readonly type: "closed"; readonly error: ErrorRecord | null };

/** Integers per row: handle, choice index, new tokens, completion tokens, cached tokens, sampler step. */
export const rowWidth = 6;

/** Outputs of one step, all sequences, flat: few objects whatever the batch size. What is rare is sparse. */
export interface FlatOutputs {
  /** [rowCount x rowWidth] */
  readonly rows: Int32Array;
  /** New tokens of all rows, one row after the other. */
  readonly tokenIds: Int32Array;
  /** Sampler seeds. [rowCount] */
  readonly seeds: Float64Array;
  readonly extras: readonly RowExtra[];
}

/** What most rows do not have. */
export interface RowExtra {
  readonly row: number;
  readonly finish: FinishReason | null;
  readonly logprobs: readonly TokenLogprobs[] | null;
  readonly promptLogprobs: readonly (TokenLogprobs | null)[] | null;
  readonly timing?: RequestTiming;
}
