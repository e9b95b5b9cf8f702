import type { ErrorRecord } from "@dyn/protocol";
import type { SamplerState } from "./generate-request.ts";

/** Why a choice ended. */
export type FinishReason =
  /** `matched`: the user's stop id, stop string or pattern; `null` = end of sequence. */
  | { readonly type: "stop"; readonly matched: number | string | null }
  | { readonly type: "length" }
  | { readonly type: "abort"; readonly message: string }
  | { readonly type: "error"; readonly error: ErrorRecord };

export interface TokenLogprobs {
  /** Of the chosen token. */
  readonly logprob: number;
  /** Most likely first. */
  readonly top: readonly { readonly tokenId: number; readonly logprob: number }[];
}

export interface TokenUsage {
  readonly promptTokens: number;
  /** Of this choice so far, those of a resumed choice included. */
  readonly completionTokens: number;
  /** Prompt tokens whose KV was cached when the request began: the same for all its choices. */
  readonly cachedTokens: number;
}

/** When a request passed the doors of the engine, in milliseconds since 1970. */
export interface RequestTiming {
  readonly receivedMs: number;
  /** Its first choice got pages; `null`: it ended in the queue. */
  readonly scheduledMs: number | null;
  /** Of this choice; `null`: it ended without one. */
  readonly firstTokenMs: number | null;
}

/** What one step added to one choice of one request. */
export interface GenerateOutput {
  readonly requestId: string;
  readonly index: number;
  /** New ids only. The end-of-sequence or stop id that ended the choice is included. */
  readonly tokenIds: readonly number[];
  /** Aligned with tokenIds; `null` when not asked for. */
  readonly logprobs: readonly TokenLogprobs[] | null;
  /** First output of a choice only, when asked for: entry i belongs to prompt token start + i; the first of the prompt has none. */
  readonly promptLogprobs: readonly (TokenLogprobs | null)[] | null;
  readonly finish: FinishReason | null;
  readonly usage: TokenUsage;
  /** After these tokens: enough to continue elsewhere. */
  readonly samplerState: SamplerState;
  /** First output of a choice only. */
  readonly timing?: RequestTiming;
}
