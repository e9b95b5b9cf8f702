// Calls as JSON objects or arrays of them between markers: Hermes, Nemotron, Llama 3, Mistral, Phi 4, Jamba and others.
import { passJson } from "../json/read-json.ts";
import type { ParseContext } from "../output/parse-context.ts";
import type { Syntax } from "../output/syntax.ts";
import { brokenSyntax } from "../scan/broken-syntax.ts";
import { MarkerSet } from "../scan/marker-set.ts";
import { isBlank, type Parsing } from "../scan/text-cursor.ts";
import { type CallObjectFormat, callObject, readCallObject } from "./call-object.ts";

export interface JsonCallsFormat {
  readonly openers: readonly string[];
  readonly closers: readonly string[];
  /** Between two calls that share a marker. */
  readonly separators?: readonly string[];
  /** What may begin calls without a marker at the start of an answer: `{`, `[` or both. */
  readonly bareUnits?: string;
  readonly call?: Partial<CallObjectFormat>;
  /** Also `name{..}` and `name[ARGS]{..}` behind the marker (Mistral v11, v13). */
  readonly isNameFirst?: boolean;
}

const maxNameLength = 256;
const callId = new MarkerSet(["[CALL_ID]"]);
const argumentsBegin = new MarkerSet(["[ARGS]"]);

export function createJsonCalls(format: JsonCallsFormat): Syntax {
  const call = { ...callObject, ...format.call };
  const closers = new MarkerSet(format.closers);
  const openers = new MarkerSet(format.openers);
  const between = new MarkerSet([...format.closers, ...(format.separators ?? [])]);

  function* readCalls(context: ParseContext, isBare: boolean): Parsing {
    const { cursor } = context;
    yield* cursor.takeBlanks();
    const unit = yield* cursor.peek();
    if (unit === "[" && !call.isNameTheKey && isBare && !format.bareUnits?.includes("[")) {
      throw brokenSyntax;
    }
    if (unit === "[") yield* readArray(context, isBare);
    else if (unit === "{") yield* readCallObject(context, call, isBare);
    else if (format.isNameFirst && !isBare) yield* readNamed(context);
    else throw brokenSyntax;
    yield* readBehind(context, isBare);
  }

  function* readArray(context: ParseContext, isBare: boolean): Parsing {
    const { cursor } = context;
    yield* cursor.expect("[");
    yield* cursor.takeBlanks();
    do {
      yield* cursor.takeBlanks();
      yield* readCallObject(context, call, isBare);
      yield* cursor.takeBlanks();
    } while (yield* cursor.accept(","));
    yield* cursor.expect("]");
  }

  /** `name{..}`, `name[ARGS]{..}`, `name[CALL_ID]id[ARGS]{..}`. */
  function* readNamed(context: ParseContext): Parsing {
    const { cursor, writer } = context;
    const isName = (unit: string) => !isBlank(unit) && !"[]{}<>\"',".includes(unit);
    const name = yield* cursor.takeWhile(isName, maxNameLength);
    if (name === "") throw brokenSyntax;
    let nativeId: string | null = null;
    if ((yield* cursor.takeMarker(callId)) !== "") {
      nativeId = yield* cursor.takeWhile(isName, maxNameLength);
    }
    yield* cursor.takeMarker(argumentsBegin);
    yield* cursor.takeBlanks();
    if ((yield* cursor.peek()) !== "{") throw brokenSyntax;
    writer.startCall(name, nativeId);
    yield* passJson(cursor, (json) => writer.arguments(json));
    context.endCall();
  }

  /** Behind a call: the closing marker, another call under the same marker, or something else. */
  function* readBehind(context: ParseContext, isBare: boolean): Parsing {
    const { cursor } = context;
    for (;;) {
      const blanks = yield* cursor.takeBlanks();
      const marker = yield* cursor.takeMarker(between);
      if (closers.has(marker)) return;
      if (marker !== "") yield* cursor.takeBlanks();
      if (marker !== "" && (yield* cursor.takeMarker(openers)) !== "") yield* cursor.takeBlanks();
      if ((yield* cursor.peek()) === "{") {
        yield* readCallObject(context, call, isBare);
      } else if (marker !== "") {
        throw brokenSyntax;
      } else {
        context.returnBlanks(blanks);
        return;
      }
    }
  }

  return {
    kind: "tool-calls",
    openers: [...format.openers, ...format.closers],
    *open(context, opener) {
      context.cursor.take(opener.length);
      if (closers.has(opener)) {
        // Left behind by a call, or prose.
        if (!context.writer.hasCalls) throw brokenSyntax;
        context.leaveCall();
        return;
      }
      yield* readCalls(context, false);
    },
    ...(format.bareUnits ? { bareUnits: format.bareUnits } : {}),
    readBare: (context) => readCalls(context, true),
  };
}
