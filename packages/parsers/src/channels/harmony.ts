// OpenAI's Harmony (gpt-oss): messages with a channel and perhaps a recipient. Analysis is reasoning, a message to
// a function is a call, everything else is content.
import { passJson } from "../json/read-json.ts";
import type { ParseContext } from "../output/parse-context.ts";
import type { Syntax } from "../output/syntax.ts";
import { brokenSyntax } from "../scan/broken-syntax.ts";
import { MarkerSet } from "../scan/marker-set.ts";
import type { Parsing } from "../scan/text-cursor.ts";
import type { ChannelRoles } from "./channel-roles.ts";

const begins = ["<|start|>", "<|channel|>"];
const ends = ["<|end|>", "<|call|>", "<|return|>"];
const bodyEnd = new MarkerSet([...begins, ...ends]);
const endMarkers = new MarkerSet(ends);
const headerEnd = new MarkerSet(["<|message|>", "<|end|>", "<|call|>", "<|return|>"]);
const maxHeaderLength = 512;

export function createHarmony(roles: ChannelRoles): Syntax {
  return {
    kind: "channels",
    openers: [...begins, "<|message|>", ...ends],
    *open(context, opener) {
      context.cursor.take(opener.length);
      // Left alone by a message without a header, or by one that is over.
      if (opener === "<|message|>" || ends.includes(opener)) return;
      yield* readMessage(context, opener, roles);
    },
  };
}

function* readMessage(context: ParseContext, opener: string, roles: ChannelRoles): Parsing {
  const { cursor, writer } = context;
  let header = opener;
  const found = yield* cursor.passUntil(headerEnd, (text) => {
    header += text;
    if (header.length > maxHeaderLength) throw brokenSyntax;
  });
  // The text ends inside the framing: there is nothing to show.
  if (found === "") {
    context.commit();
    return;
  }
  if (found !== "<|message|>") throw brokenSyntax;
  cursor.take(found.length);
  const channel = /<\|channel\|>\s*(\w+)/.exec(header)?.[1];
  const tool = /\bto=functions\.([^\s<]+)/.exec(header)?.[1];
  if (tool !== undefined && roles.hasCalls) {
    yield* readCall(context, tool);
  } else if (channel === "analysis" && roles.hasReasoning) {
    context.commit();
    writer.enterReasoning();
    yield* cursor.passUntil(bodyEnd, (text) => writer.reasoning(text));
    writer.leaveReasoning();
  } else {
    context.commit();
    yield* context.content(bodyEnd);
  }
  yield* cursor.takeMarker(endMarkers);
}

function* readCall(context: ParseContext, tool: string): Parsing {
  const { cursor, writer } = context;
  yield* cursor.takeBlanks();
  writer.startCall(tool);
  yield* passJson(cursor, (json) => writer.arguments(json));
  context.endCall();
  context.returnBlanks(yield* cursor.takeBlanks());
}
