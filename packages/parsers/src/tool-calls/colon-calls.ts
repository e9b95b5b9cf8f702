// Gemma 4: `call:f{k:<|"|>v<|"|>,n:42}` between its tool call tokens.
import { escapeString } from "../arguments/pass-value.ts";
import { literalToJson } from "../json/literal-to-json.ts";
import type { ParseContext } from "../output/parse-context.ts";
import type { Syntax } from "../output/syntax.ts";
import { brokenSyntax } from "../scan/broken-syntax.ts";
import { MarkerSet } from "../scan/marker-set.ts";
import { isBlank, type Parsing } from "../scan/text-cursor.ts";

const callOpener = "<|tool_call>";
const callCloser = "<tool_call|>";
const quote = '<|"|>';
const quotes = new MarkerSet([quote]);
const maxWordLength = 1024;
const maxDepth = 64;

export function createColonCalls(): Syntax {
  return {
    kind: "tool-calls",
    openers: [callOpener, callCloser],
    *open(context, opener) {
      const { cursor } = context;
      cursor.take(opener.length);
      if (opener === callCloser) {
        if (!context.writer.hasCalls) throw brokenSyntax;
        context.leaveCall();
        return;
      }
      yield* cursor.takeBlanks();
      yield* cursor.expect("call:");
      const isName = (unit: string) => !isBlank(unit) && !"{}<>:,\"'".includes(unit);
      const name = yield* cursor.takeWhile(isName, maxWordLength);
      if (name === "") throw brokenSyntax;
      yield* cursor.takeBlanks();
      if ((yield* cursor.peek()) !== "{") throw brokenSyntax;
      context.writer.startCall(name);
      yield* readValue(context, 0);
      context.endCall();
    },
  };
}

function* readValue(context: ParseContext, depth: number): Parsing {
  const { cursor, writer } = context;
  if (depth > maxDepth) throw brokenSyntax;
  if (yield* cursor.accept(quote)) {
    writer.arguments('"');
    const end = yield* cursor.passUntil(quotes, (text) => writer.arguments(escapeString(text)));
    if (end === "") throw brokenSyntax;
    cursor.take(end.length);
    writer.arguments('"');
    return;
  }
  const unit = yield* cursor.peek();
  if (unit === "{" || unit === "[") {
    yield* readItems(context, unit, depth);
    return;
  }
  const isWord = (one: string) => !",{}[]<".includes(one);
  const word = (yield* cursor.takeWhile(isWord, maxWordLength)).trim();
  if (word === "") throw brokenSyntax;
  const isQuoted = /^"[^"]*"$/.test(word);
  writer.arguments(literalToJson(word) ?? JSON.stringify(isQuoted ? word.slice(1, -1) : word));
}

function* readItems(context: ParseContext, opener: "{" | "[", depth: number): Parsing {
  const { cursor, writer } = context;
  const closer = opener === "{" ? "}" : "]";
  cursor.take(1);
  writer.arguments(opener);
  yield* cursor.takeBlanks();
  let separator = "";
  while (!(yield* cursor.accept(closer))) {
    if (separator !== "") {
      yield* cursor.expect(",");
      yield* cursor.takeBlanks();
      if (yield* cursor.accept(closer)) break;
    }
    writer.arguments(separator);
    separator = ",";
    if (opener === "{") writer.arguments(`${JSON.stringify(yield* readKey(context))}:`);
    yield* readValue(context, depth + 1);
    yield* cursor.takeBlanks();
  }
  writer.arguments(closer);
}

function* readKey({ cursor }: ParseContext): Parsing<string> {
  let key: string;
  if (yield* cursor.accept(quote)) {
    key = yield* cursor.takeUntil(quotes, maxWordLength);
  } else {
    key = (yield* cursor.takeWhile((unit) => !":,{}[]<".includes(unit), maxWordLength)).trim();
    key = key.replace(/^(["'])(.*)\1$/, "$2");
  }
  if (key === "") throw brokenSyntax;
  yield* cursor.takeBlanks();
  yield* cursor.expect(":");
  yield* cursor.takeBlanks();
  return key;
}
