// MiniMax M3: every tag has the namespace token before it; an argument is a tag named after its key, objects are
// nested tags, arrays are `item` tags.
import { decodeEntities } from "../arguments/decode-entities.ts";
import { passString } from "../arguments/pass-value.ts";
import { schemaKinds, schemaOfProperty } from "../arguments/schema-kinds.ts";
import { type ValueRules, valueToJson } from "../arguments/value-to-json.ts";
import type { ParseContext } from "../output/parse-context.ts";
import type { Syntax } from "../output/syntax.ts";
import { brokenSyntax } from "../scan/broken-syntax.ts";
import { MarkerSet } from "../scan/marker-set.ts";
import type { Parsing } from "../scan/text-cursor.ts";

export const minimaxNamespace = "]<]minimax[>[";

const wrapperOpener = `${minimaxNamespace}<tool_call>`;
const wrapperCloser = `${minimaxNamespace}</tool_call>`;
const callOpener = `${minimaxNamespace}<invoke`;
const callCloser = `${minimaxNamespace}</invoke>`;
const namespace = new MarkerSet([minimaxNamespace]);
const tagEnd = new MarkerSet([">"]);
const maxTagLength = 512;
const maxDepth = 64;
const values: ValueRules = {
  isNullString: "text",
  unknownBoolean: "string",
  plainLists: false,
};
const text = { trim: "none" as const, hasEntities: true, canBeNull: false };

export function createNestedTags(): Syntax {
  return {
    kind: "tool-calls",
    openers: [wrapperOpener, callOpener, wrapperCloser, callCloser],
    *open(context, opener) {
      const { cursor } = context;
      cursor.take(opener.length);
      if (opener === wrapperCloser || opener === callCloser) {
        if (!context.writer.hasCalls) throw brokenSyntax;
        context.leaveCall();
        return;
      }
      if (opener === wrapperOpener) {
        yield* cursor.takeBlanks();
        yield* cursor.expect(callOpener);
      }
      yield* readCall(context);
    },
  };
}

function* readCall(context: ParseContext): Parsing {
  const { cursor, writer } = context;
  const header = yield* cursor.takeUntil(tagEnd, maxTagLength);
  const name = /name\s*=\s*["']([^"']+)["']/.exec(header)?.[1];
  if (name === undefined) throw brokenSyntax;
  writer.startCall(name);
  const root = context.schemaOf(name);
  let separator = "{";
  for (;;) {
    yield* cursor.takeBlanks();
    const tag = yield* readTag(context);
    if (tag === "/invoke") break;
    const prefix = `${separator}${JSON.stringify(tag)}:`;
    separator = ",";
    yield* readArgument(context, tag, schemaOfProperty(root, tag, root), root, prefix);
  }
  writer.arguments(separator === "{" ? "{}" : "}");
  context.endCall();
}

/** A declared string is let out as it comes; anything else when it is complete. */
function* readArgument(
  context: ParseContext,
  tag: string,
  schema: unknown,
  root: unknown,
  prefix: string,
): Parsing {
  const { cursor, writer } = context;
  const kinds = schemaKinds(schema, root);
  if (!(kinds.size === 1 && kinds.has("string"))) {
    writer.arguments(prefix + (yield* readElement(context, tag, schema, root, 0)));
    return;
  }
  let before = prefix;
  yield* passString(cursor, namespace, text, (json) => {
    writer.arguments(before + json);
    before = "";
  });
  if ((yield* readTag(context)) !== `/${tag}`) throw brokenSyntax;
}

/** The JSON of an element; the cursor stands behind its tag and is left behind its closing tag. */
function* readElement(
  context: ParseContext,
  tag: string,
  schema: unknown,
  root: unknown,
  depth: number,
): Parsing<string> {
  if (depth > maxDepth) throw brokenSyntax;
  let leaf = "";
  const children: { tag: string; json: string }[] = [];
  const kinds = schemaKinds(schema, root);
  for (;;) {
    yield* context.cursor.passUntil(namespace, (piece) => {
      leaf += piece;
    });
    const child = yield* readTag(context);
    if (child === `/${tag}`) break;
    if (child.startsWith("/")) throw brokenSyntax;
    const childSchema =
      child === "item" && !kinds.has("object")
        ? (schema as { items?: unknown } | undefined)?.items
        : schemaOfProperty(schema, child, root);
    const json = yield* readElement(context, child, childSchema, root, depth + 1);
    children.push({ tag: child, json });
  }
  if (children.length === 0) {
    if (leaf.trim() === "" && kinds.size === 1 && kinds.has("array")) return "[]";
    if (leaf.trim() === "" && kinds.size === 1 && kinds.has("object")) return "{}";
    return valueToJson(decodeEntities(leaf), kinds, values);
  }
  const isArray = kinds.has("array") || (!kinds.has("object") && isList(children));
  if (isArray) return `[${children.map(({ json }) => json).join(",")}]`;
  return `{${children.map(({ tag: key, json }) => `${JSON.stringify(key)}:${json}`).join(",")}}`;
}

function isList(children: readonly { tag: string }[]): boolean {
  return children.every(({ tag }) => tag === "item");
}

/** What stands between `<` and `>` behind the namespace token. */
function* readTag({ cursor }: ParseContext): Parsing<string> {
  yield* cursor.expect(minimaxNamespace);
  yield* cursor.takeBlanks();
  yield* cursor.expect("<");
  const tag = (yield* cursor.takeUntil(tagEnd, maxTagLength)).trim();
  if (tag === "" || tag === "/") throw brokenSyntax;
  return tag;
}
