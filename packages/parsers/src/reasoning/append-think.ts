// MiniMax with `<think>` opened by the prompt: nothing is split, the content gets the tag that the prompt holds.
import type { Syntax } from "../output/syntax.ts";

export function createAppendThink(): Syntax {
  return {
    kind: "reasoning",
    openers: [],
    *begin(context) {
      if ((yield* context.cursor.peek()) !== "") context.writer.content("<think>");
    },
    *open() {},
  };
}
