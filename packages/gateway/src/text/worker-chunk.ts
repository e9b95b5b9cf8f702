// A chunk as workers of text send it, of whatever make: the reference leaves out what it has nothing to say for.
import {
  type ChatCompletionChunk,
  ChatLogprobs,
  CompletionUsage,
  InternalError,
} from "@dyn/protocol";
import { z } from "zod";
import { toFinishReason } from "../postprocess/finish-reason.ts";

const ToolCall = z.looseObject({
  index: z.number().int().nonnegative(),
  id: z.string().optional(),
  type: z.literal("function").optional(),
  function: z.looseObject({ name: z.string().optional(), arguments: z.string().default("") }),
});

const WorkerChunk = z.looseObject({
  id: z.string(),
  created: z.number().int(),
  model: z.string(),
  choices: z.array(
    z.looseObject({
      index: z.number().int().nonnegative(),
      delta: z.looseObject({
        role: z.literal("assistant").nullish(),
        content: z.string().nullish(),
        reasoning_content: z.string().nullish(),
        tool_calls: z.array(ToolCall).nullish(),
      }),
      finish_reason: z.string().nullish(),
      logprobs: ChatLogprobs.nullish(),
    }),
  ),
  usage: CompletionUsage.nullish(),
});

/** In the form of our own chunks, with all that it says beyond. Throws InternalError for what is no chunk. */
export function readWorkerChunk(data: unknown): ChatCompletionChunk {
  const parsed = WorkerChunk.safeParse(data);
  if (!parsed.success) {
    throw new InternalError("A worker's answer is no chunk of a chat.", { cause: parsed.error });
  }
  const { choices, ...rest } = parsed.data;
  return {
    ...rest,
    object: "chat.completion.chunk",
    choices: choices.map(({ delta, finish_reason: finish, logprobs, ...choice }) => ({
      ...choice,
      delta: withoutNulls(delta),
      finish_reason:
        finish == null || finish === "tool_calls" ? (finish ?? null) : toFinishReason(finish),
      logprobs: logprobs ?? null,
    })),
  };
}

function withoutNulls(delta: Readonly<Record<string, unknown>>): object {
  return Object.fromEntries(Object.entries(delta).filter(([, value]) => value !== null));
}
