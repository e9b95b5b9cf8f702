// From the fields that chat and text completions share to the preprocessed request and the stop rules.
// The one place where OpenAI's spelling becomes the wire's.
import type {
  GuidedDecoding,
  PreprocessedRequest,
  SamplingRequest,
  TokenIds,
  TokenRules,
} from "@dyn/protocol";
import type { StopRules } from "../postprocess/stop-rules.ts";
import type { RequestHints } from "./request-hints.ts";

export function toStopRules(request: SamplingRequest, eosTokenIds: readonly number[]): StopRules {
  const stop = request.stop ?? [];
  const entries: readonly (string | number)[] = typeof stop === "string" ? [stop] : stop;
  return {
    strings: entries.filter((entry) => typeof entry === "string"),
    tokenIds: [
      ...(request.stop_token_ids ?? []),
      ...entries.filter((entry) => typeof entry === "number"),
    ],
    eosTokenIds: request.ignore_eos === true ? [] : eosTokenIds,
    minTokens: request.min_tokens ?? 0,
    includeStopString: request.include_stop_str_in_output === true,
  };
}

export function toPreprocessedRequest(options: {
  /** Of the card: clients may use an alias. */
  readonly model: { readonly displayName: string; readonly checksum: string };
  readonly request: SamplingRequest;
  readonly tokenIds: TokenIds;
  readonly stop: StopRules;
  readonly eosTokenIds: readonly number[];
  readonly maxTokens: number | null;
  /** Alternatives per new token; `null` = no log-probabilities. */
  readonly logprobs: number | null;
  /** The same for the prompt's tokens. */
  readonly promptLogprobs: number | null;
  readonly guided: GuidedDecoding | null;
  /** The form holds behind the reasoning only. */
  readonly requireReasoning: boolean;
  readonly hints: RequestHints;
  readonly tokenRules: TokenRules | null;
  /** What the request's own field says; nvext may say it too. */
  readonly maxThinkingTokens: number | null;
}): PreprocessedRequest {
  const { request, stop, eosTokenIds, hints } = options;
  const sampled = hints.isGreedy ? null : request;
  return {
    model: options.model.displayName,
    token_ids: options.tokenIds,
    stop_conditions: {
      max_tokens: options.maxTokens,
      // Matched here: workers see ids alone.
      stop: null,
      stop_token_ids: stop.tokenIds.length > 0 ? (stop.tokenIds as number[]) : null,
      stop_token_ids_visible: null,
      stop_token_ids_hidden: eosTokenIds as number[],
      // More than the answer may have means: no stop before its end.
      min_tokens:
        request.min_tokens == null
          ? null
          : Math.min(request.min_tokens, options.maxTokens ?? request.min_tokens),
      ignore_eos: request.ignore_eos ?? null,
      max_thinking_tokens: options.maxThinkingTokens ?? hints.maxThinkingTokens,
    },
    sampling_options: {
      n: request.n ?? null,
      best_of: null,
      presence_penalty: sampled?.presence_penalty ?? null,
      frequency_penalty: sampled?.frequency_penalty ?? null,
      repetition_penalty: sampled?.repetition_penalty ?? null,
      // No sampling at all: the likeliest token, whatever a worker takes for its default.
      temperature: hints.isGreedy ? 0 : (request.temperature ?? null),
      top_p: sampled?.top_p ?? null,
      top_k: sampled?.top_k ?? null,
      min_p: sampled?.min_p ?? null,
      use_beam_search: null,
      length_penalty: null,
      seed: request.seed == null ? null : toWireSeed(request.seed),
      include_stop_str_in_output: request.include_stop_str_in_output ?? null,
      guided_decoding: options.guided,
      logit_bias: request.logit_bias ?? null,
    },
    output_options: {
      logprobs: options.logprobs,
      prompt_logprobs: options.promptLogprobs,
      skip_special_tokens: request.skip_special_tokens ?? null,
      formatted_prompt: null,
      return_tokens_as_token_ids: request.return_tokens_as_token_ids ?? null,
    },
    eos_token_ids: eosTokenIds as number[],
    mdc_sum: options.model.checksum,
    annotations: [...hints.annotations],
    routing: hints.routing,
    router_config_override: null,
    ...(options.requireReasoning ? { require_reasoning: true } : {}),
    ...hints.fields,
    ...(options.tokenRules === null
      ? {}
      : {
          extra_args: {
            ...(hints.fields.extra_args as object | undefined),
            sampling_options: options.tokenRules,
          },
        }),
  };
}

/** An i64: what JSON rounded beyond 2^53 travels as a bigint. */
function toWireSeed(seed: number): number | bigint {
  return Number.isSafeInteger(seed) ? seed : BigInt.asIntN(64, BigInt(seed));
}
