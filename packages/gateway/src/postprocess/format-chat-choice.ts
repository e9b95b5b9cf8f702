// Chat choices on the wire: one chunk's, and a whole one.
import type { ChatCompletion } from "@dyn/protocol";
import { type ChatLogprobsOptions, toChatLogprobs } from "./chat-logprobs.ts";
import type { ChoiceDelta } from "./choice-delta.ts";
import type { WholeChoice } from "./unary-sink.ts";

/** The role comes with the first delta; a delta without text is empty. `null`: no log-probabilities. */
export function createChatChunkFormat(logprobs: ChatLogprobsOptions | null) {
  return (index: number, delta: ChoiceDelta, isFirst: boolean): string => {
    const role = isFirst ? '"role":"assistant",' : "";
    const content =
      isFirst || delta.text !== "" ? `${role}"content":${JSON.stringify(delta.text)}` : "";
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

export function toChatChoice(
  choice: WholeChoice,
  logprobs: ChatLogprobsOptions | null,
): ChatCompletion["choices"][number] {
  return {
    index: choice.index,
    message: {
      content: choice.text === "" ? null : choice.text,
      refusal: null,
      role: "assistant",
    },
    finish_reason: choice.finishReason,
    ...(choice.stopReason === null ? {} : { stop_reason: choice.stopReason }),
    logprobs: logprobs === null ? null : toChatLogprobs(choice.tokens, logprobs),
  };
}
