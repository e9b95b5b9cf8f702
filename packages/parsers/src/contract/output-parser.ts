import type { ParserEvent } from "./parser-event.ts";

/** Takes the text of one answer piece by piece. How the text is cut into pieces never changes what is said of it. */
export interface OutputParser {
  /** What can be said now. Text that may still become a marker is held back. */
  push(text: string): ParserEvent[];
  /** The text is over: the rest. A second call, or a push after it, throws. */
  finish(): ParserEvent[];
  /** What comes next is reasoning, as far as the text so far tells: by this tokens of reasoning are counted. */
  readonly isInsideReasoning: boolean;
  /** UTF-16 units looked at so far: proportional to the text, whatever it is. */
  readonly scannedLength: number;
}
