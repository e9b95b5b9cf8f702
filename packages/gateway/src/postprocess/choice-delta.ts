import type { OpenAIFinishReason } from "@dyn/protocol";

/** A token whose text is shown, with what the engine said of it. */
export interface ShownToken {
  readonly tokenId: number;
  /** `null`: the first token of an echoed prompt. */
  readonly logprob: number | null;
  /** Most likely first; empty when none were asked for. */
  readonly top: readonly { readonly tokenId: number; readonly logprob: number }[];
  /** Where its text begins in the choice's text, in Unicode code points. */
  readonly textOffset: number;
}

/** A tool call begins, or its arguments go on. */
export interface ToolCallDelta {
  /** Place among the choice's calls, from 0. */
  readonly index: number;
  /** Set when the call begins. */
  readonly begin: { readonly id: string; readonly name: string } | null;
  /** More of the arguments, as JSON text. */
  readonly arguments: string;
  /** The call is whole. Only where somebody asked to be told. */
  readonly isEnd?: boolean;
}

/** A part of what a choice says, in its order. */
export type OutputPiece =
  | { readonly kind: "text" | "reasoning"; readonly text: string }
  | { readonly kind: "call"; readonly call: ToolCallDelta };

/** What one engine item adds to what a choice shows. */
export interface ChoiceDelta {
  readonly text: string;
  readonly reasoning: string;
  readonly toolCalls: readonly ToolCallDelta[];
  /** The same in its order; `null`: there is only text, or nothing. */
  readonly pieces: readonly OutputPiece[] | null;
  /** `null` when log-probabilities were not asked for. */
  readonly tokens: readonly ShownToken[] | null;
  /** All ids that came since the last delta, stops too; `null` when they were not asked for. */
  readonly tokenIds: readonly number[] | null;
  /** Set on the last delta of a choice. */
  readonly finishReason: OpenAIFinishReason | null;
  /** The matched stop string, or the matched stop token id of the request. */
  readonly stopReason: string | number | null;
}

/**
 * Changes what a choice shows: an echoed prompt is put before the first text so. One per choice and
 * request, so it may keep state.
 *
 * Invariant: a delta with a finish reason comes out with one.
 */
export interface ChoiceTransformer {
  /** `null`: nothing to show now. */
  transform(delta: ChoiceDelta): ChoiceDelta | null;
}
