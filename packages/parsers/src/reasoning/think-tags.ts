// Reasoning between an opening and a closing tag. Several blocks are joined; a stray closing tag is dropped.
import type { ParseContext } from "../output/parse-context.ts";
import type { Syntax } from "../output/syntax.ts";
import { MarkerSet } from "../scan/marker-set.ts";
import { isBlank, type Parsing } from "../scan/text-cursor.ts";

export interface ThinkTagsFormat {
  readonly openers: readonly string[];
  readonly closers: readonly string[];
  readonly startInside: boolean;
  /** Markers of calls that end reasoning without its closing tag; they are left to the calls. */
  readonly enders?: readonly string[];
  /** Behind such an ender the tags mean nothing any more. */
  readonly endsForGood?: boolean;
  /** Only the first block is reasoning, as SGLang has it: behind it, and before it, a closing tag is text. */
  readonly isSingle?: boolean;
}

export function createThinkTags(format: ThinkTagsFormat): Syntax {
  const openers = new MarkerSet(format.openers);
  const ends = new MarkerSet([...format.closers, ...(format.enders ?? [])]);

  function* readReasoning(context: ParseContext): Parsing {
    const { cursor, writer } = context;
    writer.enterReasoning();
    const end = yield* cursor.passUntil(ends, (text) => writer.reasoning(text));
    writer.leaveReasoning();
    const isClosed = format.closers.includes(end);
    if (isClosed) cursor.take(end.length);
    if (isClosed ? format.isSingle : end !== "" && format.endsForGood) context.dismiss(syntax);
  }

  const syntax: Syntax = {
    kind: "reasoning",
    openers: format.isSingle ? format.openers : [...format.openers, ...format.closers],
    *begin(context) {
      if (!format.startInside) return;
      const { cursor, writer } = context;
      writer.enterReasoning();
      let blanks = "";
      for (;;) {
        const unit = yield* cursor.peek();
        if (unit === "" || !isBlank(unit)) break;
        blanks += cursor.take(1);
      }
      // A grammar forced the answer to be JSON: there is no reasoning ahead of it.
      const isForced = context.toolChoice === "required" || typeof context.toolChoice === "object";
      const unit = yield* cursor.peek();
      if (isForced && (unit === "{" || unit === "[")) {
        writer.leaveReasoning();
        return;
      }
      // The model opens what the prompt or the format had opened already.
      if ((yield* cursor.takeMarker(openers)) === "") writer.reasoning(blanks);
      yield* readReasoning(context);
    },
    *open(context, opener) {
      context.cursor.take(opener.length);
      context.commit();
      if (format.openers.includes(opener)) yield* readReasoning(context);
    },
  };
  return syntax;
}
