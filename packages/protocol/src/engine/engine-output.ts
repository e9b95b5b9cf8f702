// One item of a worker's answer in token mode, in the wire's spelling (Dynamo 1.6.1).
import { z } from "zod";

export const TopLogprob = z.object({
  /** 1 = most likely. */
  rank: z.number().int().positive(),
  token_id: z.number().int().nonnegative(),
  token: z.string().nullish(),
  logprob: z.number(),
});
export type TopLogprob = z.infer<typeof TopLogprob>;

export const CompletionUsage = z.object({
  prompt_tokens: z.number().int().nonnegative(),
  completion_tokens: z.number().int().nonnegative(),
  total_tokens: z.number().int().nonnegative(),
  prompt_tokens_details: z
    .object({ cached_tokens: z.number().int().nonnegative().nullish() })
    .nullish(),
  completion_tokens_details: z
    .object({ reasoning_tokens: z.number().int().nonnegative().nullish() })
    .nullish(),
});
export type CompletionUsage = z.infer<typeof CompletionUsage>;

export const EngineOutputItem = z.looseObject({
  /** Only the new ids; may be empty on the last item. */
  token_ids: z.array(z.number().int().nonnegative()),
  text: z.string().nullish(),
  /** Choice index; absent = 0. */
  index: z.number().int().nonnegative().nullish(),
  /** Only on the last item of a choice: stop, length, eos, cancelled, abort, content_filter. */
  finish_reason: z.union([z.string(), z.object({ error: z.string() })]).nullish(),
  /** The matched user stop string, or user stop id. */
  stop_reason: z.union([z.string(), z.number()]).nullish(),
  /** Aligned with token_ids. */
  log_probs: z.array(z.number()).nullish(),
  cum_log_probs: z.number().nullish(),
  /** Per new token. */
  top_logprobs: z.array(z.array(TopLogprob)).nullish(),
  completion_usage: CompletionUsage.nullish(),
  /** Of a prefill worker: what the decode worker has to know; for ours and SGLang's a BootstrapInfo. */
  disaggregated_params: z.unknown().optional(),
  engine_data: z.looseObject({}).nullish(),
});
export type EngineOutputItem = z.infer<typeof EngineOutputItem>;
