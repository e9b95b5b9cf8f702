/**
 * What a parser says about the text it was given, in the order of the text. Indices count the calls of one answer from 0.
 *
 * Invariants: every call is one start, any number of arguments, then one end or one cut; calls do not overlap;
 * the arguments of an ended call, joined, are valid JSON; an id is never used twice.
 */
export type ParserEvent =
  | { readonly type: "content"; readonly text: string }
  | { readonly type: "reasoning"; readonly text: string }
  | {
      readonly type: "tool-call-start";
      readonly index: number;
      readonly id: string;
      readonly name: string;
    }
  | { readonly type: "tool-call-arguments"; readonly index: number; readonly delta: string }
  | { readonly type: "tool-call-end"; readonly index: number }
  | {
      readonly type: "tool-call-cut";
      readonly index: number;
      /**
       * `end-of-text`: the text ended inside the call; what was said of it stands, and it is no call to run.
       * `malformed`: the call broke its format; its whole text follows as content, and what was said of it is void.
       */
      readonly reason: "end-of-text" | "malformed";
    };
