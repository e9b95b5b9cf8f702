// Bare JSON of a forced tool choice: a grammar made the model write an array of calls, or one call's arguments.
import { passJson } from "../json/read-json.ts";
import type { ParseContext } from "../output/parse-context.ts";
import type { Syntax } from "../output/syntax.ts";
import type { Parsing } from "../scan/text-cursor.ts";
import { createJsonCalls } from "./json-calls.ts";

/** `tool_choice: required`: `[{"name": .., "parameters": ..}, ..]`, or one such object. */
export function createRequiredCalls(): Syntax {
  return createJsonCalls({ openers: [], closers: [], bareUnits: "[{", separators: [";", ","] });
}

/** A named tool: the object is its arguments; an array is read as with `required`. */
export function createNamedCall(name: string): Syntax {
  const list = createRequiredCalls();
  return {
    kind: "tool-calls",
    openers: [],
    *open() {},
    bareUnits: "{[",
    *readBare(context: ParseContext): Parsing {
      const { cursor, writer } = context;
      if ((yield* cursor.peek()) === "[" && list.readBare) {
        yield* list.readBare(context);
        return;
      }
      writer.startCall(name);
      yield* passJson(cursor, (json) => writer.arguments(json));
      context.endCall();
    },
  };
}
