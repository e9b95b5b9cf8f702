// The body of POST /inference/v1/generate and its answer: token ids in, token ids out (vLLM's form, which Dynamo 1.6.1 takes).
import { z } from "zod";
import { ChatLogprobs, PromptLogprob } from "../openai/chat-completion.ts";
import { flag, integerBetween, maxU32, nonEmptyText, oneOf, text } from "../openai/fields.ts";
import { tokenIdList } from "../openai/list-of.ts";
import { samplingFields } from "../openai/sampling-fields.ts";

const {
  n,
  temperature,
  top_p,
  top_k,
  min_p,
  presence_penalty,
  frequency_penalty,
  repetition_penalty,
  logit_bias,
  seed,
  stop,
  stop_token_ids,
  min_tokens,
  ignore_eos,
  include_stop_str_in_output,
  skip_special_tokens,
  allowed_token_ids,
  prompt_logprobs,
} = samplingFields;

/** What is not here is refused by name: a parameter without an effect would go unseen. */
const VllmSamplingParams = z.strictObject(
  {
    n,
    temperature,
    top_p,
    top_k,
    min_p,
    presence_penalty,
    frequency_penalty,
    repetition_penalty,
    logit_bias,
    seed,
    stop,
    stop_token_ids,
    min_tokens,
    ignore_eos,
    include_stop_str_in_output,
    /** No effect: the answer has no text. */
    skip_special_tokens,
    detokenize: flag.nullish(),
    spaces_between_special_tokens: flag.nullish(),
    allowed_token_ids,
    /** Default 16. */
    max_tokens: integerBetween(1, maxU32).nullish(),
    /** Alternatives of each token. */
    logprobs: integerBetween(0, 20).nullish(),
    prompt_logprobs,
    /** 0 delta, 1 cumulative, 2 final: of an answer in one piece they are the same. */
    output_kind: z
      .union([integerBetween(0, 2), oneOf(["DELTA", "CUMULATIVE", "FINAL_ONLY"])], {
        error: "must be 0, 1 or 2",
      })
      .nullish(),
  },
  { error: "must be an object" },
);

export const VllmGenerateRequest = z.looseObject(
  {
    /** May be left out where one model is served. */
    model: nonEmptyText.nullish(),
    token_ids: tokenIdList("must be a list of token ids: this route takes no text and no batch"),
    sampling_params: VllmSamplingParams,
    stream: flag.nullish(),
    /** Comes back. */
    request_id: nonEmptyText.nullish(),
    cache_salt: text.nullish(),
    /** Less is more urgent. */
    priority: integerBetween(-2_147_483_647, 2_147_483_647).nullish(),
    features: z.null({ error: "must be left out: models here read text alone" }).optional(),
    kv_transfer_params: z
      .null({ error: "must be left out: prefill and decode meet without the client" })
      .optional(),
  },
  { error: "must be an object" },
);
export type VllmGenerateRequest = z.infer<typeof VllmGenerateRequest>;

export const VllmGenerateAnswer = z.object({
  request_id: z.string(),
  choices: z.array(
    z.object({
      index: z.number().int(),
      /** By ids (`token_id:17`), one for each of token_ids. */
      logprobs: ChatLogprobs.nullable(),
      finish_reason: z.string(),
      /** What ended the choice is among them. */
      token_ids: z.array(z.number().int()),
    }),
  ),
  /** By token id; `null` for the first token. */
  prompt_logprobs: z.array(z.record(z.string(), PromptLogprob).nullable()).nullable(),
  kv_transfer_params: z.null(),
});
export type VllmGenerateAnswer = z.infer<typeof VllmGenerateAnswer>;
