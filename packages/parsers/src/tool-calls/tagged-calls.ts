// Calls as tags, one per argument: Qwen3 Coder, MiniMax M2, DeepSeek's DSML, Muse's ATEM and others.

import { decodeEntities } from "../arguments/decode-entities.ts";
import { passString, type Trim, trimValue } from "../arguments/pass-value.ts";
import { schemaKinds, schemaOfProperty } from "../arguments/schema-kinds.ts";
import { type ValueRules, valueToJson } from "../arguments/value-to-json.ts";
import { passJson, textToJson } from "../json/read-json.ts";
import type { ParseContext } from "../output/parse-context.ts";
import type { Syntax } from "../output/syntax.ts";
import { brokenSyntax } from "../scan/broken-syntax.ts";
import { MarkerSet } from "../scan/marker-set.ts";
import type { Parsing } from "../scan/text-cursor.ts";
import { callObject, readCallObject } from "./call-object.ts";

export interface TaggedCallsFormat {
  readonly wrapperOpeners: readonly string[];
  readonly wrapperClosers: readonly string[];
  /** Everything up to the name: `<function=`, `<invoke name=`. The tag ends at the next `>`. */
  readonly callOpener: string;
  readonly callCloser: string;
  readonly argumentOpener: string;
  readonly argumentCloser: string;
  /**
   * Where a value's type comes from: the tool's schema, the attribute `string="true"`, or the value itself (JSON, else a string).
   */
  readonly types: "schema" | "string-attribute" | "value";
  readonly values: ValueRules;
  /** Around a value. */
  readonly trim: Trim;
  readonly hasEntities: boolean;
  /** Values may stand in `<![CDATA[..]]>`; they are then not let out before they are complete. */
  readonly hasCdata?: boolean;
  /** A JSON call in the wrapper is accepted too. */
  readonly hasJsonCalls?: boolean;
  /** A call's body may be its arguments as one JSON object. */
  readonly hasJsonBody?: boolean;
}

const maxTagLength = 512;
const tagEnd = new MarkerSet([">"]);

export function createTaggedCalls(format: TaggedCallsFormat): Syntax {
  const inWrapper = new MarkerSet([
    ...format.wrapperOpeners,
    format.callOpener,
    ...format.wrapperClosers,
  ]);
  const wrappers = new Set(format.wrapperOpeners);
  const closers = [...format.wrapperClosers, format.callCloser];
  return {
    kind: "tool-calls",
    openers: [...format.wrapperOpeners, format.callOpener, ...closers],
    *open(context, opener) {
      const { cursor } = context;
      if (closers.includes(opener)) {
        cursor.take(opener.length);
        if (!context.writer.hasCalls) throw brokenSyntax;
        context.leaveCall();
        return;
      }
      let marker = opener;
      while (wrappers.has(marker)) {
        cursor.take(marker.length);
        yield* cursor.takeBlanks();
        marker = yield* cursor.peekMarker(inWrapper);
      }
      if (marker === "") {
        if (!format.hasJsonCalls || (yield* cursor.peek()) !== "{") throw brokenSyntax;
        yield* readCallObject(context, { ...callObject, nameAlone: true });
        return;
      }
      cursor.take(marker.length);
      // A wrapper without a call says nothing.
      if (marker !== format.callOpener) return;
      yield* readTaggedCall(context, format);
    },
  };
}

const callParts = new WeakMap<TaggedCallsFormat, { parts: MarkerSet; valueEnd: MarkerSet }>();

function partsOf(format: TaggedCallsFormat): { parts: MarkerSet; valueEnd: MarkerSet } {
  let parts = callParts.get(format);
  if (parts === undefined) {
    parts = {
      parts: new MarkerSet([format.argumentOpener, format.callCloser]),
      valueEnd: new MarkerSet([format.argumentCloser]),
    };
    callParts.set(format, parts);
  }
  return parts;
}

/** One call; the cursor stands behind `callOpener`. */
export function* readTaggedCall(context: ParseContext, format: TaggedCallsFormat): Parsing {
  const { cursor, writer } = context;
  const { parts } = partsOf(format);
  const { name } = readTag(yield* cursor.takeUntil(tagEnd, maxTagLength));
  if (name === "") throw brokenSyntax;
  writer.startCall(name);
  yield* cursor.takeBlanks();
  if (format.hasJsonBody && (yield* cursor.peek()) === "{") {
    yield* passJson(cursor, (json) => writer.arguments(json));
    yield* cursor.takeBlanks();
    yield* cursor.expect(format.callCloser);
    context.endCall();
    return;
  }
  let separator = "{";
  for (;;) {
    const part = yield* cursor.takeMarker(parts);
    if (part === "") throw brokenSyntax;
    if (part === format.callCloser) break;
    const tag = readTag(yield* cursor.takeUntil(tagEnd, maxTagLength));
    yield* readValue(context, format, name, tag, `${separator}${JSON.stringify(tag.name)}:`);
    separator = ",";
    yield* cursor.takeBlanks();
  }
  writer.arguments(separator === "{" ? "{}" : "}");
  context.endCall();
}

function* readValue(
  context: ParseContext,
  format: TaggedCallsFormat,
  call: string,
  tag: Tag,
  prefix: string,
): Parsing {
  const { cursor, writer } = context;
  const { valueEnd } = partsOf(format);
  const root = context.schemaOf(call);
  const kinds = schemaKinds(schemaOfProperty(root, tag.name, root), root);
  const isString =
    format.types === "schema"
      ? kinds.size === 0 || (kinds.size === 1 && kinds.has("string"))
      : format.types === "string-attribute" && tag.isString;
  if (isString && !format.hasCdata) {
    let before = prefix;
    const canBeNull = format.types === "schema" && format.values.isNullString === "null";
    const value = {
      trim: format.trim,
      hasEntities: format.hasEntities,
      canBeNull,
    };
    const end = yield* passString(cursor, valueEnd, value, (json) => {
      writer.arguments(before + json);
      before = "";
    });
    cursor.take(end.length);
    return;
  }
  const raw = yield* cursor.takeUntil(valueEnd);
  const cdata = format.hasCdata ? /^\s*<!\[CDATA\[(.*)\]\]>\s*$/s.exec(raw)?.[1] : undefined;
  const text = cdata ?? (format.hasEntities ? decodeEntities(raw) : raw);
  const json =
    format.types === "schema"
      ? valueToJson(cdata ?? trimValue(text, format.trim), kinds, format.values)
      : (textToJson(text) ?? JSON.stringify(text));
  writer.arguments(prefix + json);
}

interface Tag {
  readonly name: string;
  readonly isString: boolean;
}

/** `f`, `"f"`, `"k" string="true"`: what stands in a tag behind its opener. */
function readTag(text: string): Tag {
  const [, quoted, rest] = /^\s*["']([^"']*)["'](.*)$/s.exec(text) ?? [];
  if (quoted === undefined) return { name: text.trim(), isString: false };
  return { name: quoted.trim(), isString: /string\s*=\s*["']true["']/.test(rest ?? "") };
}
