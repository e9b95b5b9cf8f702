// Leaves the last message open, as transformers' `continue_final_message`: a tag goes behind its text,
// and the prompt is cut where the tag comes out.

import { isRecord } from "./prepare-messages.ts";
import { stripRight } from "./python-text.ts";
import { templateRenderError } from "./template-error.ts";

type Message = Readonly<Record<string, unknown>>;

/** The blank at its end shows whether the template trims content. */
const tag = "CONTINUE_FINAL_MESSAGE_TAG ";

export function tagFinalMessage(messages: readonly Message[]): Message[] {
  const last = messages.at(-1);
  if (last === undefined) {
    throw templateRenderError("continue_final_message needs at least one message.", "messages");
  }
  return [...messages.slice(0, -1), { ...last, content: tagContent(last.content) }];
}

function tagContent(content: unknown): unknown {
  if (typeof content === "string") return content + tag;
  if (Array.isArray(content)) {
    const at = content.findLastIndex((part) => isRecord(part) && typeof part.text === "string");
    const part: unknown = content[at];
    if (isRecord(part)) return content.with(at, { ...part, text: `${part.text}${tag}` });
  }
  throw templateRenderError(
    "continue_final_message is set, but the last message has no text to continue.",
    "messages",
  );
}

export function cutAtTag(rendered: string): string {
  const at = rendered.lastIndexOf(tag.trimEnd());
  if (at === -1) {
    throw templateRenderError(
      "continue_final_message is set, but the last message does not appear in the rendered prompt: this model's chat template drops or rewrites it.",
      "messages",
    );
  }
  const before = rendered.slice(0, at);
  return rendered.startsWith(tag, at) ? before : stripRight(before);
}
