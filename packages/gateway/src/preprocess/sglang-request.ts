// From SGLang's own body to a preprocessed request: what the frontend does not read travels as it is (Dynamo 1.6.1).
import type { PreprocessedRequest, SglangGenerateRequest } from "@dyn/protocol";
import type { RequestHints } from "./request-hints.ts";

/** Workers find the caller's body in `extra_args.sglang_tito`; the option fields have nothing to say beside it. */
export function toSglangRequest(
  {
    card,
    eosTokenIds,
  }: {
    readonly card: { readonly displayName: string };
    readonly eosTokenIds: readonly number[];
  },
  request: SglangGenerateRequest,
  hints: RequestHints,
): PreprocessedRequest {
  const { input_ids: tokenIds, model: _, ...rest } = request;
  const priority = hints.routing.priority ?? request.priority ?? undefined;
  return {
    model: card.displayName,
    token_ids: tokenIds,
    stop_conditions: {
      max_tokens: request.sampling_params?.max_new_tokens ?? null,
      stop: null,
      stop_token_ids: null,
      stop_token_ids_visible: null,
      stop_token_ids_hidden: eosTokenIds as number[],
      min_tokens: null,
      ignore_eos: null,
      max_thinking_tokens: null,
    },
    sampling_options: {
      n: request.sampling_params?.n ?? 1,
      best_of: null,
      presence_penalty: null,
      frequency_penalty: null,
      repetition_penalty: null,
      temperature: null,
      top_p: null,
      top_k: null,
      min_p: null,
      use_beam_search: null,
      length_penalty: null,
      seed: null,
      include_stop_str_in_output: null,
      guided_decoding: null,
    },
    output_options: {
      logprobs: null,
      prompt_logprobs: null,
      skip_special_tokens: null,
      formatted_prompt: null,
      return_tokens_as_token_ids: true,
    },
    eos_token_ids: eosTokenIds as number[],
    mdc_sum: null,
    annotations: [],
    routing: priority === undefined ? hints.routing : { ...hints.routing, priority },
    router_config_override: null,
    extra_args: { sglang_tito: rest },
  };
}
