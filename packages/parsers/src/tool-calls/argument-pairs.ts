// Calls as a name and pairs of key and value tags: GLM 4.5 and 4.7, Hunyuan and others.
import { passString } from "../arguments/pass-value.ts";
import { schemaKinds, schemaOfProperty } from "../arguments/schema-kinds.ts";
import { type ValueRules, valueToJson } from "../arguments/value-to-json.ts";
import type { ParseContext } from "../output/parse-context.ts";
import type { Syntax } from "../output/syntax.ts";
import { brokenSyntax } from "../scan/broken-syntax.ts";
import { MarkerSet } from "../scan/marker-set.ts";
import { isBlank, type Parsing } from "../scan/text-cursor.ts";
import { callObject, readCallObject } from "./call-object.ts";

export interface ArgumentPairsFormat {
  readonly wrapperOpeners?: readonly string[];
  readonly wrapperClosers?: readonly string[];
  readonly callOpener: string;
  readonly callCloser: string;
  /** May stand behind the name. */
  readonly nameEnd?: string;
  readonly keyOpener: string;
  readonly keyCloser: string;
  /** A type may stand between key and value; it wins over the schema's. */
  readonly typeOpener?: string;
  readonly typeCloser?: string;
  readonly valueOpener: string;
  readonly valueCloser: string;
  readonly values: ValueRules;
  /** A JSON call in the tags is accepted too. */
  readonly hasJsonCalls?: boolean;
}

const maxNameLength = 256;
const maxKeyLength = 1024;
const plain = { trim: "none" as const, hasEntities: false, canBeNull: false };

export function createArgumentPairs(format: ArgumentPairsFormat): Syntax {
  const wrappers = format.wrapperOpeners ?? [];
  const closers = [format.callCloser, ...(format.wrapperClosers ?? [])];
  const parts = new MarkerSet([format.keyOpener, format.callCloser]);
  const keyEnd = new MarkerSet([format.keyCloser]);
  const valueEnd = new MarkerSet([format.valueCloser]);
  const typeEnd = new MarkerSet(format.typeCloser ? [format.typeCloser] : []);
  const nameEnd = new MarkerSet(format.nameEnd ? [format.nameEnd] : []);

  function* readCall(context: ParseContext): Parsing {
    const { cursor, writer } = context;
    yield* cursor.takeBlanks();
    if (format.hasJsonCalls && (yield* cursor.peek()) === "{") {
      yield* readCallObject(context, callObject);
      return;
    }
    const isName = (unit: string) => !isBlank(unit) && !"<>{}[]\"'".includes(unit);
    const name = yield* cursor.takeWhile(isName, maxNameLength);
    if (name === "") throw brokenSyntax;
    yield* cursor.takeBlanks();
    yield* cursor.takeMarker(nameEnd);
    yield* cursor.takeBlanks();
    writer.startCall(name);
    let separator = "{";
    for (;;) {
      const part = yield* cursor.takeMarker(parts);
      if (part === "") throw brokenSyntax;
      if (part === format.callCloser) break;
      const key = (yield* cursor.takeUntil(keyEnd, maxKeyLength)).trim();
      yield* cursor.takeBlanks();
      const type = yield* readType(context);
      yield* cursor.expect(format.valueOpener);
      yield* readValue(context, name, key, type, `${separator}${JSON.stringify(key)}:`);
      separator = ",";
      yield* cursor.takeBlanks();
    }
    writer.arguments(separator === "{" ? "{}" : "}");
    context.endCall();
  }

  function* readType({ cursor }: ParseContext): Parsing<string | null> {
    if (!format.typeOpener || !(yield* cursor.accept(format.typeOpener))) return null;
    const type = yield* cursor.takeUntil(typeEnd, maxKeyLength);
    yield* cursor.takeBlanks();
    return type.trim();
  }

  function* readValue(
    context: ParseContext,
    call: string,
    key: string,
    type: string | null,
    prefix: string,
  ): Parsing {
    const { cursor, writer } = context;
    const root = context.schemaOf(call);
    const declared = type === null ? schemaOfProperty(root, key, root) : { type };
    const kinds = schemaKinds(declared, root);
    if (kinds.size > 0 && !(kinds.size === 1 && kinds.has("string"))) {
      const text = yield* cursor.takeUntil(valueEnd);
      writer.arguments(prefix + valueToJson(text, kinds, format.values));
      return;
    }
    let before = prefix;
    const end = yield* passString(cursor, valueEnd, plain, (json) => {
      writer.arguments(before + json);
      before = "";
    });
    cursor.take(end.length);
  }

  return {
    kind: "tool-calls",
    openers: [...wrappers, format.callOpener, ...closers],
    *open(context, opener) {
      const { cursor } = context;
      cursor.take(opener.length);
      if (closers.includes(opener)) {
        if (!context.writer.hasCalls) throw brokenSyntax;
        context.leaveCall();
        return;
      }
      if (wrappers.includes(opener)) {
        yield* cursor.takeBlanks();
        yield* cursor.expect(format.callOpener);
      }
      yield* readCall(context);
    },
  };
}
