// Kimi K3: tags of tokens, `<|open|>name attributes<|sep|>` to `<|close|>name<|sep|>`. A `think` tag is reasoning, a
// `call` tag a call; other tags frame content and are stripped, also where they stand alone.
import { passString } from "../arguments/pass-value.ts";
import { textToJson } from "../json/read-json.ts";
import type { ParseContext } from "../output/parse-context.ts";
import type { Syntax } from "../output/syntax.ts";
import { brokenSyntax } from "../scan/broken-syntax.ts";
import { MarkerSet } from "../scan/marker-set.ts";
import { isBlank, type Parsing } from "../scan/text-cursor.ts";
import type { ChannelRoles } from "./channel-roles.ts";

const openTag = "<|open|>";
const closeTag = "<|close|>";
const endOfMessage = "<|end_of_msg|>";
const tagEnd = new MarkerSet(["<|sep|>"]);
const structure = new MarkerSet([openTag, closeTag, endOfMessage]);
const parts = new MarkerSet([openTag, closeTag]);
const valueEnd = new MarkerSet([`${closeTag}argument<|sep|>`]);
const maxTagLength = 512;
const plain = { trim: "none" as const, hasEntities: false, canBeNull: false };

export function createKimiK3(roles: ChannelRoles, startInside: boolean): Syntax {
  return {
    kind: "channels",
    openers: structure.markers,
    *begin(context) {
      if (startInside && roles.hasReasoning) yield* readReasoning(context);
    },
    *open(context, opener) {
      const { cursor } = context;
      cursor.take(opener.length);
      if (opener === endOfMessage) return;
      const tag = yield* readTag(context);
      if (tag === null) {
        // The text ends inside the framing: there is nothing to show.
        context.commit();
        return;
      }
      const { name, attributes } = tag;
      if (opener === closeTag) {
        if (name === "call" || name === "tools") context.leaveCall();
      } else if (name === "think" && roles.hasReasoning) {
        context.commit();
        yield* readReasoning(context);
      } else if (name === "tools" && roles.hasCalls) {
        yield* cursor.takeBlanks();
      } else if (name === "call" && roles.hasCalls) {
        yield* readCall(context, attributes);
      }
    },
  };
}

/** Any tag ends reasoning; its own closing tag is taken. */
function* readReasoning({ cursor, writer }: ParseContext): Parsing {
  for (;;) {
    writer.enterReasoning();
    yield* cursor.passUntil(structure, (text) => writer.reasoning(text));
    writer.leaveReasoning();
    // A model repeats the opening tag that the prompt ended in.
    if (!(yield* cursor.accept("<|open|>think<|sep|>"))) break;
  }
  yield* cursor.accept("<|close|>think<|sep|>");
}

function* readCall(context: ParseContext, attributes: ReadonlyMap<string, string>): Parsing {
  const { cursor, writer } = context;
  const name = attributes.get("tool");
  if (!name) throw brokenSyntax;
  writer.startCall(name);
  let separator = "{";
  for (;;) {
    yield* cursor.takeBlanks();
    const marker = yield* cursor.takeMarker(parts);
    if (marker === "") throw brokenSyntax;
    const tag = yield* readTag(context);
    if (tag === null) throw brokenSyntax;
    if (marker === closeTag) {
      if (tag.name !== "call") throw brokenSyntax;
      break;
    }
    const key = tag.attributes.get("key");
    if (tag.name !== "argument" || key === undefined) throw brokenSyntax;
    const prefix = `${separator}${JSON.stringify(key)}:`;
    separator = ",";
    yield* readValue(context, tag.attributes.get("type") ?? "string", prefix);
  }
  writer.arguments(separator === "{" ? "{}" : "}");
  context.endCall();
}

function* readValue({ cursor, writer }: ParseContext, type: string, prefix: string): Parsing {
  if (type !== "string") {
    const text = yield* cursor.takeUntil(valueEnd);
    writer.arguments(prefix + (textToJson(text) ?? JSON.stringify(text)));
    return;
  }
  let before = prefix;
  const end = yield* passString(cursor, valueEnd, plain, (json) => {
    writer.arguments(before + json);
    before = "";
  });
  cursor.take(end.length);
}

interface Tag {
  readonly name: string;
  readonly attributes: ReadonlyMap<string, string>;
}

/** Null: the text ends inside it. */
function* readTag({ cursor }: ParseContext): Parsing<Tag | null> {
  const name = yield* cursor.takeWhile((unit) => /\w/.test(unit), maxTagLength);
  const next = yield* cursor.peek();
  if (next === "") return null;
  if (name === "" || (next !== "<" && !isBlank(next))) throw brokenSyntax;
  let text = "";
  const end = yield* cursor.passUntil(tagEnd, (piece) => {
    text += piece;
    if (text.length > maxTagLength) throw brokenSyntax;
  });
  if (end === "") return null;
  cursor.take(end.length);
  const pairs = [...text.matchAll(/(\w+)="([^"]*)"/g)];
  return { name, attributes: new Map(pairs.map(([, key = "", value = ""]) => [key, value])) };
}
