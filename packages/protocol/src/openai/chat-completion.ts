// Answers of POST /v1/chat/completions: whole, and as stream chunks.
import { z } from "zod";
import { CompletionUsage } from "../engine/engine-output.ts";

export const OpenAIFinishReason = z.enum(["stop", "length", "content_filter", "tool_calls"]);
export type OpenAIFinishReason = z.infer<typeof OpenAIFinishReason>;

const tokenLogprob = {
  token: z.string(),
  logprob: z.number(),
  /** UTF-8 of the token alone; may be half a character. */
  bytes: z.array(z.number().int().min(0).max(255)).nullable(),
};

export const ChatTokenLogprob = z.object({
  ...tokenLogprob,
  token_id: z.number().int().nonnegative(),
  top_logprobs: z.array(z.object(tokenLogprob)),
});
export type ChatTokenLogprob = z.infer<typeof ChatTokenLogprob>;

export const ChatLogprobs = z.object({
  content: z.array(ChatTokenLogprob).nullable(),
  refusal: z.null(),
});
export type ChatLogprobs = z.infer<typeof ChatLogprobs>;

const stopReason = z.union([z.string(), z.number()]).nullish();

export const ChatCompletion = z.object({
  id: z.string(),
  choices: z.array(
    z.object({
      index: z.number().int().nonnegative(),
      message: z.object({
        content: z.string().nullable(),
        refusal: z.null(),
        role: z.literal("assistant"),
      }),
      finish_reason: OpenAIFinishReason,
      /** The matched stop string, or the stop token id. */
      stop_reason: stopReason,
      logprobs: ChatLogprobs.nullable(),
    }),
  ),
  created: z.number().int(),
  model: z.string(),
  object: z.literal("chat.completion"),
  usage: CompletionUsage,
});
export type ChatCompletion = z.infer<typeof ChatCompletion>;

export const ChatCompletionChunk = z.object({
  id: z.string(),
  choices: z.array(
    z.object({
      index: z.number().int().nonnegative(),
      delta: z.object({
        role: z.literal("assistant").optional(),
        content: z.string().nullish(),
      }),
      finish_reason: OpenAIFinishReason.nullable(),
      stop_reason: stopReason,
      logprobs: ChatLogprobs.nullable(),
    }),
  ),
  created: z.number().int(),
  model: z.string(),
  object: z.literal("chat.completion.chunk"),
  usage: CompletionUsage.nullish(),
});
export type ChatCompletionChunk = z.infer<typeof ChatCompletionChunk>;
