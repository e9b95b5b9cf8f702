import type { Parsing } from "../scan/text-cursor.ts";
import type { ParseContext } from "./parse-context.ts";

/** One format of calls or reasoning within an answer. Several live together in one parse. */
export interface Syntax {
  readonly kind: "tool-calls" | "reasoning" | "channels";
  /** Markers that begin something of this syntax wherever plain text may stand. */
  readonly openers: readonly string[];
  /**
   * Reads what the opener begins; the cursor stands before it. Throws `brokenSyntax` when it is not what it seemed:
   * its text becomes content and reading goes on where it broke.
   */
  open(context: ParseContext, opener: string): Parsing;
  /** Before the first text. */
  begin?(context: ParseContext): Parsing;
  /** Units that may begin a call without any marker, as the first thing of the answer that is not blank. */
  readonly bareUnits?: string;
  readBare?(context: ParseContext): Parsing;
}
