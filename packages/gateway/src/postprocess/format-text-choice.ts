// Text completion choices on the wire: a chunk's and a whole one have the same form.
import type { TextCompletion } from "@dyn/protocol";
import type { ChoiceDelta } from "./choice-delta.ts";
import { type TextLogprobsOptions, toTextLogprobs } from "./text-logprobs.ts";
import type { WholeChoice } from "./unary-sink.ts";

/** `null`: no log-probabilities. */
export function createTextChunkFormat(logprobs: TextLogprobsOptions | null) {
  return (index: number, delta: ChoiceDelta): string => {
    const finish = delta.finishReason === null ? "null" : `"${delta.finishReason}"`;
    const stop =
      delta.stopReason === null ? "" : `,"stop_reason":${JSON.stringify(delta.stopReason)}`;
    const scores =
      logprobs === null || delta.tokens === null
        ? "null"
        : JSON.stringify(toTextLogprobs(delta.tokens, logprobs));
    return `{"text":${JSON.stringify(delta.text)},"index":${index},"logprobs":${scores},"finish_reason":${finish}${stop}}`;
  };
}

export function toTextChoice(
  choice: WholeChoice,
  logprobs: TextLogprobsOptions | null,
): TextCompletion["choices"][number] {
  return {
    text: choice.text,
    index: choice.index,
    logprobs: logprobs === null ? null : toTextLogprobs(choice.tokens, logprobs),
    finish_reason: choice.finishReason,
    ...(choice.stopReason === null ? {} : { stop_reason: choice.stopReason }),
  };
}
