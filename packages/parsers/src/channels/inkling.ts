// Inkling: content blocks between tokens, `<|content_text|>` .. `<|end_message|>`.
import type { ParseContext } from "../output/parse-context.ts";
import type { Syntax } from "../output/syntax.ts";
import { brokenSyntax } from "../scan/broken-syntax.ts";
import { MarkerSet } from "../scan/marker-set.ts";
import type { Parsing } from "../scan/text-cursor.ts";
import { readCallObject } from "../tool-calls/call-object.ts";
import type { ChannelRoles } from "./channel-roles.ts";

const message = "<|message_model|>";
const thinking = "<|content_thinking|>";
const content = "<|content_text|>";
const call = "<|content_invoke_tool_json|>";
const end = "<|end_message|>";
const endOfTurn = "<|content_model_end_sampling|>";
const blocks = new MarkerSet([thinking, content, call]);
const all = new MarkerSet([message, thinking, content, call, end, endOfTurn]);
const maxHeaderLength = 256;
const callFormat = {
  nameKeys: ["name"],
  argumentKeys: ["args", "arguments", "parameters"],
  nameAlone: false,
};

export function createInkling(roles: ChannelRoles, startInside: boolean): Syntax {
  return {
    kind: "channels",
    openers: all.markers,
    *begin(context) {
      if (startInside && roles.hasReasoning) yield* readReasoning(context);
    },
    *open(context, opener) {
      const { cursor } = context;
      cursor.take(opener.length);
      let block = opener;
      if (opener === message) {
        block = yield* readHeader(context);
        // The text ends inside the framing: there is nothing to show.
        if (block === "") context.commit();
        cursor.take(block.length);
      }
      if (block === thinking && roles.hasReasoning) {
        context.commit();
        yield* readReasoning(context);
      } else if (block === call && roles.hasCalls) {
        yield* cursor.takeBlanks();
        yield* readCallObject(context, callFormat);
      }
    },
  };
}

/** A message may name the function before the block of its call. */
function* readHeader({ cursor }: ParseContext): Parsing<string> {
  let length = 0;
  const block = yield* cursor.passUntil(all, (text) => {
    length += text.length;
    if (length > maxHeaderLength) throw brokenSyntax;
  });
  if (block !== "" && !blocks.has(block)) throw brokenSyntax;
  return block;
}

function* readReasoning({ cursor, writer }: ParseContext): Parsing {
  writer.enterReasoning();
  yield* cursor.passUntil(all, (text) => writer.reasoning(text));
  writer.leaveReasoning();
  yield* cursor.accept(end);
}
