// Answers of POST /v1/completions; stream chunks have the same form.
import { z } from "zod";
import { CompletionUsage } from "../engine/engine-output.ts";
import { OpenAIFinishReason } from "./chat-completion.ts";

/** Arrays aligned by token; the first token of an echoed prompt has no log-probability. */
export const TextLogprobs = z.object({
  tokens: z.array(z.string()),
  token_logprobs: z.array(z.number().nullable()),
  top_logprobs: z.array(z.record(z.string(), z.number()).nullable()).nullable(),
  /** Where the token begins in the choice's text, in Unicode code points. */
  text_offset: z.array(z.number().int().nonnegative()),
});
export type TextLogprobs = z.infer<typeof TextLogprobs>;

export const TextCompletion = z.object({
  id: z.string(),
  choices: z.array(
    z.object({
      text: z.string(),
      index: z.number().int().nonnegative(),
      logprobs: TextLogprobs.nullable(),
      finish_reason: OpenAIFinishReason.nullable(),
      stop_reason: z.union([z.string(), z.number()]).nullish(),
    }),
  ),
  created: z.number().int(),
  model: z.string(),
  object: z.literal("text_completion"),
  usage: CompletionUsage.nullish(),
});
export type TextCompletion = z.infer<typeof TextCompletion>;
