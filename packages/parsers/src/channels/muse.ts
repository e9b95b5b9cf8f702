// Muse: messages with a recipient. `to=self` is reasoning, `to=user` content, another name holds calls as ATEM tags.
import type { ParseContext } from "../output/parse-context.ts";
import type { Syntax } from "../output/syntax.ts";
import { brokenSyntax } from "../scan/broken-syntax.ts";
import { MarkerSet } from "../scan/marker-set.ts";
import { isBlank, type Parsing } from "../scan/text-cursor.ts";
import { readTaggedCall, type TaggedCallsFormat } from "../tool-calls/tagged-calls.ts";
import type { ChannelRoles } from "./channel-roles.ts";

const start = "<|start|>";
const messageBegin = "<|message|>";
const messageEnds = ["<|eom|>", "<|eot|>"];
const bodyEnd = new MarkerSet([start, ...messageEnds]);
const ends = new MarkerSet(messageEnds);
const headerEnd = new MarkerSet([messageBegin]);
const maxHeaderLength = 256;

const atem: TaggedCallsFormat = {
  wrapperOpeners: ["<atem:function_calls>"],
  wrapperClosers: ["</atem:function_calls>"],
  callOpener: "<atem:invoke name=",
  callCloser: "</atem:invoke>",
  argumentOpener: "<atem:parameter name=",
  argumentCloser: "</atem:parameter>",
  types: "value",
  values: {
    isNullString: "text",
    unknownBoolean: "string",
    plainLists: false,
  },
  trim: "none",
  hasEntities: false,
};
const tags = [...atem.wrapperOpeners, ...atem.wrapperClosers, atem.callOpener, atem.callCloser];

export function createMuse(roles: ChannelRoles, startInside: boolean): Syntax {
  return {
    kind: "channels",
    openers: [start, messageBegin, ...messageEnds, ...(roles.hasCalls ? tags : [])],
    *begin(context) {
      if (startInside && roles.hasReasoning) yield* readReasoning(context);
      // The prompt ended in `<|start|>assistant`: the answer goes on with the header.
      else yield* context.attempt(readFirstHeader(context, roles));
    },
    *open(context, opener) {
      const { cursor } = context;
      cursor.take(opener.length);
      if (opener === start) {
        yield* readMessage(context, roles);
      } else if (opener === atem.callOpener) {
        yield* readTaggedCall(context, atem);
      } else if (atem.wrapperOpeners.includes(opener)) {
        yield* cursor.takeBlanks();
      } else if (opener === atem.callCloser || atem.wrapperClosers.includes(opener)) {
        context.leaveCall();
      }
    },
  };
}

function* readFirstHeader(context: ParseContext, roles: ChannelRoles): Parsing {
  const { cursor } = context;
  const unit = yield* cursor.peek();
  if (unit !== "t" && !isBlank(unit)) return;
  yield* cursor.takeBlanks();
  yield* cursor.expect("to=");
  yield* readRecipient(context, yield* cursor.takeWhile(isRecipient, maxHeaderLength), roles);
}

function* readMessage(context: ParseContext, roles: ChannelRoles): Parsing {
  const { cursor } = context;
  const isRole = (unit: string) => /[\w]/.test(unit);
  yield* cursor.takeWhile(isRole, maxHeaderLength);
  yield* cursor.takeBlanks();
  const recipient = (yield* cursor.accept("to="))
    ? yield* cursor.takeWhile(isRecipient, maxHeaderLength)
    : "user";
  yield* readRecipient(context, recipient, roles);
}

/** The rest of a header, and the body of a message to oneself. */
function* readRecipient(context: ParseContext, recipient: string, roles: ChannelRoles): Parsing {
  const { cursor } = context;
  let length = 0;
  const end = yield* cursor.passUntil(headerEnd, (text) => {
    length += text.length;
    if (length > maxHeaderLength) throw brokenSyntax;
  });
  if (end !== "" && recipient === "") throw brokenSyntax;
  cursor.take(end.length);
  // Where the text ends inside the framing there is nothing to show.
  context.commit();
  if (recipient === "self" && roles.hasReasoning) yield* readReasoning(context);
  else if (recipient !== "user" && recipient !== "self") yield* cursor.takeBlanks();
}

function* readReasoning({ cursor, writer }: ParseContext): Parsing {
  writer.enterReasoning();
  yield* cursor.passUntil(bodyEnd, (text) => writer.reasoning(text));
  writer.leaveReasoning();
  yield* cursor.takeMarker(ends);
}

function isRecipient(unit: string): boolean {
  return !isBlank(unit) && unit !== "<";
}
