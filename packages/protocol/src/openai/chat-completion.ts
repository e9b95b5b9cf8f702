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

/** One of the two stands in an answer: the frontend's setting decides. */
const reasoningFields = {
  reasoning_content: z.string().nullish(),
  reasoning: z.string().nullish(),
};

const ToolCall = z.object({
  id: z.string(),
  type: z.literal("function"),
  /** `arguments` is JSON text. */
  function: z.object({ name: z.string(), arguments: z.string() }),
});

const ToolCallChunk = z.object({
  index: z.number().int().nonnegative(),
  /** Id, type and name come with the call's first chunk. */
  id: z.string().optional(),
  type: z.literal("function").optional(),
  function: z.object({ name: z.string().optional(), arguments: z.string() }),
});

const stopReason = z.union([z.string(), z.number()]).nullish();

/** Of one token of the prompt, as vLLM writes it. */
export const PromptLogprob = z.object({
  logprob: z.number(),
  /** From 1, among the likeliest; absent for a token that is none of those. */
  rank: z.number().int().positive().optional(),
  decoded_token: z.string(),
});
export type PromptLogprob = z.infer<typeof PromptLogprob>;

export const ChatCompletion = z.object({
  id: z.string(),
  choices: z.array(
    z.object({
      index: z.number().int().nonnegative(),
      message: z.object({
        content: z.string().nullable(),
        refusal: z.null(),
        role: z.literal("assistant"),
        tool_calls: z.array(ToolCall).optional(),
        ...reasoningFields,
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
  usage: CompletionUsage.nullable(),
  /** By token id; `null` for the first token. Only when asked for. */
  prompt_logprobs: z.array(z.record(z.string(), PromptLogprob).nullable()).optional(),
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
        tool_calls: z.array(ToolCallChunk).optional(),
        ...reasoningFields,
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
