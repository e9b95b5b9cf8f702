// Text of a choice, taken apart into what is said, what is thought and what is called.
import type { ChoiceDelta, OutputPiece, ToolCallDelta } from "./choice-delta.ts";

export type SplitText = Pick<ChoiceDelta, "text" | "reasoning" | "toolCalls" | "pieces">;

const noCalls: readonly ToolCallDelta[] = [];

export const nothingSplit: SplitText = {
  text: "",
  reasoning: "",
  toolCalls: noCalls,
  pieces: null,
};

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
  /** The text ended inside a call. */
  readonly isCut: boolean;
}

export function plainText(text: string): SplitText {
  return text === "" ? nothingSplit : { text, reasoning: "", toolCalls: noCalls, pieces: null };
}

export function piecesToSplit(pieces: readonly OutputPiece[]): SplitText {
  if (pieces.length === 0) return nothingSplit;
  let text = "";
  let reasoning = "";
  const toolCalls: ToolCallDelta[] = [];
  for (const piece of pieces) {
    if (piece.kind === "call") addCall(toolCalls, piece.call);
    else if (piece.kind === "text") text += piece.text;
    else reasoning += piece.text;
  }
  const isText = reasoning === "" && toolCalls.length === 0;
  return isText ? plainText(text) : { text, reasoning, toolCalls, pieces };
}

/** One entry per call: clients (LangChain) take two of one chunk for two calls, or join them in the wrong order. */
function addCall(calls: ToolCallDelta[], call: ToolCallDelta): void {
  const last = calls.at(-1);
  if (last?.index !== call.index || call.begin !== null) calls.push(call);
  else {
    const isEnd = call.isEnd === true ? { isEnd: true } : {};
    calls[calls.length - 1] = { ...last, arguments: last.arguments + call.arguments, ...isEnd };
  }
}

/** The parts of a delta in their order. */
export function piecesOf({ text, pieces }: SplitText): readonly OutputPiece[] {
  return pieces ?? (text === "" ? [] : [{ kind: "text", text }]);
}

export function joinSplit(a: SplitText, b: SplitText): SplitText {
  if (b === nothingSplit) return a;
  if (a === nothingSplit) return b;
  if (a.pieces === null && b.pieces === null) return plainText(a.text + b.text);
  return piecesToSplit([...piecesOf(a), ...piecesOf(b)]);
}
