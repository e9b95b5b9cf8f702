// How the answers of one request are read: which markup means reasoning or a tool call.
import type { OutputSplitter } from "./output-splitter.ts";

export interface OutputReading {
  /** Special tokens are markup to it: they must reach it as text. */
  readonly keepsSpecialTokens: boolean;
  readonly hasReasoning: boolean;
  /** One per choice; `null`: all text is content. */
  createSplitter(): OutputSplitter | null;
}

export const plainReading: OutputReading = Object.freeze({
  keepsSpecialTokens: false,
  hasReasoning: false,
  createSplitter: () => null,
});
