// Text of a choice, taken apart into what is said, what is thought and what is called.
import type { ToolCallDelta } from "./choice-delta.ts";

export interface SplitText {
  readonly text: string;
  readonly reasoning: string;
  readonly toolCalls: readonly ToolCallDelta[];
}

const noCalls: readonly ToolCallDelta[] = [];

export const nothingSplit: SplitText = { text: "", reasoning: "", toolCalls: noCalls };

/**
 * One per choice and request. What is still undecided is held back.
 *
 * Invariants: the parts do not depend on how the text is cut into pieces; after `finish` nothing is held.
 */
export interface OutputSplitter {
  push(text: string): SplitText;
  finish(): SplitText;
  /** The next token counts as reasoning. */
  readonly isInsideReasoning: boolean;
  /** At least one whole call was made. */
  readonly hasCalls: boolean;
}

export function joinSplit(a: SplitText, b: SplitText): SplitText {
  if (b === nothingSplit) return a;
  if (a === nothingSplit) return b;
  return {
    text: a.text + b.text,
    reasoning: a.reasoning + b.reasoning,
    toolCalls: a.toolCalls.length === 0 ? b.toolCalls : [...a.toolCalls, ...b.toolCalls],
  };
}

export function plainText(text: string): SplitText {
  return text === "" ? nothingSplit : { text, reasoning: "", toolCalls: noCalls };
}
