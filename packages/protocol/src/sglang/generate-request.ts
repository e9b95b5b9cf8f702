// SGLang's own POST /generate, as far as a frontend reads it; the rest is the worker's (SGLang 0.5.21).
import { z } from "zod";
import { flag, integerBetween, maxU32, nonEmptyText, text } from "../openai/fields.ts";
import { tokenIdList } from "../openai/list-of.ts";

const optionalCount = integerBetween(0, maxU32).nullish();

/** Of SGLang's sampling_params; further keys are the worker's to judge. */
const SglangSamplingParams = z.looseObject(
  {
    max_new_tokens: optionalCount,
    min_new_tokens: optionalCount,
    n: integerBetween(1, 128).nullish(),
  },
  { error: "must be an object" },
);

export const SglangGenerateRequest = z.looseObject(
  {
    /** May be left out where one model is served. */
    model: nonEmptyText.nullish(),
    input_ids: tokenIdList("must be a list of token ids: this route takes no text and no batch"),
    sampling_params: SglangSamplingParams.nullish(),
    stream: flag.nullish(),
    /** Comes back as meta_info.id. */
    rid: text.nullish(),
    priority: z
      .number({ error: "must be a whole number" })
      .int({ error: "must be a whole number" })
      .nullish(),
    cache_salt: text.nullish(),
    return_logprob: flag.nullish(),
    logprob_start_len: z
      .number({ error: "must be a whole number" })
      .int({ error: "must be a whole number" })
      .nullish(),
    top_logprobs_num: optionalCount,
    return_text_in_logprobs: flag.nullish(),
  },
  { error: "must be an object" },
);
export type SglangGenerateRequest = z.infer<typeof SglangGenerateRequest>;

/** One event of its stream: only what is new since the one before. */
export const SglangGenerateChunk = z.looseObject({
  text: z.string().optional(),
  output_ids: z.array(z.number().int()),
  meta_info: z.looseObject({
    id: z.string(),
    finish_reason: z.looseObject({ type: z.string() }).nullable(),
    prompt_tokens: z.number().int(),
    completion_tokens: z.number().int(),
    cached_tokens: z.number().int(),
  }),
  index: z.number().int().optional(),
});
export type SglangGenerateChunk = z.infer<typeof SglangGenerateChunk>;
