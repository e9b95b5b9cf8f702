// Chat choices on the wire: one chunk's, and a whole one.
import type { ChatCompletion } from "@dyn/protocol";
import { type ChatLogprobsOptions, toChatLogprobs } from "./chat-logprobs.ts";
import type { ChoiceDelta, ToolCallDelta } from "./choice-delta.ts";
import type { WholeChoice } from "./unary-sink.ts";

/** How the API spells the field of a choice's reasoning. */
export type ReasoningField = "reasoning_content" | "reasoning";

export interface ChatFormatOptions {
  /** `null`: no log-probabilities. */
  readonly logprobs: ChatLogprobsOptions | null;
  readonly reasoningField: ReasoningField;
}

/** The role comes with the first delta; a delta without anything new is empty. */
export function createChatChunkFormat({ logprobs, reasoningField }: ChatFormatOptions) {
  const reasoningKey = JSON.stringify(reasoningField);
  return (index: number, delta: ChoiceDelta, isFirst: boolean): string => {
    let content = isFirst ? '"role":"assistant"' : "";
    const isPlain = delta.reasoning === "" && delta.toolCalls.length === 0;
    if (delta.text !== "" || (isFirst && isPlain)) {
      content += `${content === "" ? "" : ","}"content":${JSON.stringify(delta.text)}`;
    }
    if (!isPlain) content += formatExtras(delta, content === "" ? "" : ",", reasoningKey);
    const finish = delta.finishReason === null ? "null" : `"${delta.finishReason}"`;
    const stop =
      delta.stopReason === null ? "" : `,"stop_reason":${JSON.stringify(delta.stopReason)}`;
    const tokens = delta.tokens;
    const scores =
      logprobs === null || tokens === null || tokens.length === 0
        ? "null"
        : JSON.stringify(toChatLogprobs(tokens, logprobs));
    return `{"index":${index},"delta":{${content}},"finish_reason":${finish}${stop},"logprobs":${scores}}`;
  };
}

/** A choice's role in a chunk of its own. */
export function openChatChoice(index: number): string {
  return `{"index":${index},"delta":{"role":"assistant","content":""},"finish_reason":null,"logprobs":null}`;
}

function formatExtras(delta: ChoiceDelta, comma: string, reasoningKey: string): string {
  const parts: string[] = [];
  if (delta.reasoning !== "") parts.push(`${reasoningKey}:${JSON.stringify(delta.reasoning)}`);
  if (delta.toolCalls.length > 0) {
    parts.push(`"tool_calls":${JSON.stringify(joinCalls(delta.toolCalls).map(toCallChunk))}`);
  }
  return comma + parts.join(",");
}

/** What one chunk says of one call is one entry: clients may read the first of an index alone. */
function joinCalls(calls: readonly ToolCallDelta[]): readonly ToolCallDelta[] {
  if (calls.length < 2) return calls;
  const joined: ToolCallDelta[] = [];
  for (const call of calls) {
    const last = joined.at(-1);
    if (last === undefined || last.index !== call.index) joined.push(call);
    else joined[joined.length - 1] = { ...last, arguments: last.arguments + call.arguments };
  }
  return joined;
}

function toCallChunk({ index, begin, arguments: args }: ToolCallDelta) {
  return begin === null
    ? { index, function: { arguments: args } }
    : { index, id: begin.id, type: "function", function: { name: begin.name, arguments: args } };
}

export function toChatChoice(
  choice: WholeChoice,
  { logprobs, reasoningField }: ChatFormatOptions,
): ChatCompletion["choices"][number] {
  const { toolCalls, reasoning } = choice;
  return {
    index: choice.index,
    message: {
      content: choice.text === "" ? null : choice.text,
      refusal: null,
      role: "assistant",
      ...(toolCalls.length === 0
        ? {}
        : {
            tool_calls: toolCalls.map(({ id, name, arguments: args }) => ({
              id,
              type: "function",
              function: { name, arguments: args },
            })),
          }),
      ...(reasoning === "" ? {} : { [reasoningField]: reasoning }),
    },
    finish_reason: choice.finishReason,
    ...(choice.stopReason === null ? {} : { stop_reason: choice.stopReason }),
    logprobs: logprobs === null ? null : toChatLogprobs(choice.tokens, logprobs),
  };
}
