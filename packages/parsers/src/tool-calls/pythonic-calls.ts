// Calls as a Python list: `[f(a=1, b="x"), g()]`. Read by Python's own rules for literals; nothing is evaluated.
// A list is calls when all of it is: prose in brackets stays content.
import type { ParseContext } from "../output/parse-context.ts";
import type { Syntax } from "../output/syntax.ts";
import { readPythonValue } from "../python/python-value.ts";
import { brokenSyntax } from "../scan/broken-syntax.ts";
import { MarkerSet } from "../scan/marker-set.ts";
import type { Parsing } from "../scan/text-cursor.ts";
import { callObject, readCallObject } from "./call-object.ts";

export interface PythonicCallsFormat {
  readonly openers: readonly string[];
  readonly closers: readonly string[];
  /** A list is looked for without markers too. */
  readonly isBare: boolean;
}

interface Call {
  readonly name: string;
  readonly json: string;
}

const maxNameLength = 256;
const maxCallCount = 1024;

export function createPythonicCalls(format: PythonicCallsFormat): Syntax {
  const closers = new MarkerSet(format.closers);
  return {
    kind: "tool-calls",
    openers: [...format.openers, ...format.closers, ...(format.isBare ? ["["] : [])],
    *open(context, opener) {
      const { cursor } = context;
      cursor.take(opener.length);
      if (closers.has(opener)) {
        if (!context.writer.hasCalls) throw brokenSyntax;
        context.leaveCall();
        return;
      }
      if (opener !== "[") {
        yield* cursor.takeBlanks();
        yield* cursor.expect("[");
      }
      yield* cursor.takeBlanks();
      if (opener !== "[" && (yield* cursor.peek()) === "{") yield* readObjects(context);
      else yield* readList(context);
    },
  };
}

function* readList(context: ParseContext): Parsing {
  const { cursor, writer } = context;
  const calls: Call[] = [];
  do {
    yield* cursor.takeBlanks();
    if (calls.length > 0 && (yield* cursor.peek()) === "]") break;
    if (calls.length === maxCallCount) throw brokenSyntax;
    calls.push(yield* readCall(context));
    yield* cursor.takeBlanks();
  } while (yield* cursor.accept(","));
  yield* cursor.expect("]");
  for (const { name, json } of calls) {
    writer.startCall(name);
    writer.arguments(json);
    context.endCall();
  }
}

function* readCall({ cursor }: ParseContext): Parsing<Call> {
  const name = yield* cursor.takeWhile((unit) => /[\w.-]/.test(unit), maxNameLength);
  if (!/^[A-Za-z_]/.test(name)) throw brokenSyntax;
  yield* cursor.expect("(");
  const fields: string[] = [];
  yield* cursor.takeBlanks();
  while (!(yield* cursor.accept(")"))) {
    const key = yield* cursor.takeWhile((unit) => /\w/.test(unit), maxNameLength);
    // No key: a positional argument has no name to go by.
    if (!/^[A-Za-z_]/.test(key)) throw brokenSyntax;
    yield* cursor.takeBlanks();
    yield* cursor.expect("=");
    yield* cursor.takeBlanks();
    fields.push(`${JSON.stringify(key)}:${yield* readPythonValue(cursor)}`);
    yield* cursor.takeBlanks();
    if (!(yield* cursor.accept(","))) {
      yield* cursor.expect(")");
      break;
    }
    yield* cursor.takeBlanks();
  }
  return { name, json: `{${fields.join(",")}}` };
}

/** The JSON form of LFM2: objects in the list. */
function* readObjects(context: ParseContext): Parsing {
  const { cursor } = context;
  do {
    yield* cursor.takeBlanks();
    yield* readCallObject(context, callObject);
    yield* cursor.takeBlanks();
  } while (yield* cursor.accept(","));
  yield* cursor.expect("]");
}
