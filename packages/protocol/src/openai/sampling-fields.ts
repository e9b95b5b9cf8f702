// Request fields that chat and text completions share, with their ranges (Dynamo 1.6.1).
import { z } from "zod";
import {
  flag,
  integerBetween,
  maxI32,
  maxU32,
  nonEmptyText,
  numberAboveUpTo,
  numberBetween,
  text,
  tokenId,
} from "./fields.ts";
import { listOf, recordOf } from "./list-of.ts";
import { Nvext } from "./nvext.ts";
import { whenType } from "./when-type.ts";

/** Most stop strings of one request, and the length of each in characters. */
export const maxStopCount = 32;
const maxStopLength = 1024;

const stopTextError = `must be a string of 1 to ${maxStopLength} characters`;
const stopText = z
  .string({ error: stopTextError })
  .min(1, whenType("string", stopTextError))
  .max(maxStopLength, whenType("string", stopTextError));
const stopListError = `must be a list of 1 to ${maxStopCount} strings, or of as many token ids`;

const stopCounts = { min: 1, max: maxStopCount, error: stopListError };

export const Stop = z.union([stopText, listOf(stopText, stopCounts), listOf(tokenId, stopCounts)], {
  error: `must be a non-empty string, or ${stopListError.slice("must be ".length)}`,
});

export const StreamOptions = z.object(
  { include_usage: flag.nullish(), continuous_usage_stats: flag.nullish() },
  { error: "must be an object" },
);

const seedError = "must be a whole number that fits 64 bits";
/** Beyond 2^53 JSON numbers are rounded; equal texts stay equal numbers. */
const Seed = z
  .number({ error: seedError })
  .refine((value) => Number.isInteger(value) && value >= -(2 ** 63) && value <= 2 ** 63, {
    error: seedError,
  });

const maxLogitBiasCount = 4096;
const LogitBias = recordOf(
  z.string().regex(/^\d{1,10}$/, { error: "must have token ids (whole numbers) as its keys" }),
  numberBetween(-100, 100),
  {
    max: maxLogitBiasCount,
    error: `must be an object from at most ${maxLogitBiasCount} token ids to numbers between -100 and 100`,
  },
);

const TokenIds = listOf(tokenId, { max: 1024, error: "must be a list of at most 1024 token ids" });

const allowedError = "must be a list of 1 to 65536 token ids";
const AllowedTokenIds = listOf(tokenId, { min: 1, max: 65_536, error: allowedError });

const maxBannedRowLength = 64;
const bannedError = `must be a list of at most 1024 token ids, or lists of 1 to ${maxBannedRowLength} of them`;
/** An id that must not come, or ids that must not come in this order. */
const BadWordsTokenIds = listOf(
  z.union([tokenId, listOf(tokenId, { min: 1, max: maxBannedRowLength, error: bannedError })], {
    error: bannedError,
  }),
  { max: 1024, error: bannedError },
);

export const samplingFields = {
  model: nonEmptyText,
  temperature: numberBetween(0, 2).nullish(),
  top_p: numberAboveUpTo(0, 1).nullish(),
  top_k: integerBetween(-1, maxI32).nullish(),
  min_p: numberBetween(0, 1).nullish(),
  frequency_penalty: numberBetween(-2, 2).nullish(),
  presence_penalty: numberBetween(-2, 2).nullish(),
  repetition_penalty: numberAboveUpTo(0, 2).nullish(),
  logit_bias: LogitBias.nullish(),
  seed: Seed.nullish(),
  n: integerBetween(1, 128).nullish(),
  stop: Stop.nullish(),
  stop_token_ids: TokenIds.nullish(),
  min_tokens: integerBetween(0, maxU32).nullish(),
  ignore_eos: flag.nullish(),
  include_stop_str_in_output: flag.nullish(),
  skip_special_tokens: flag.nullish(),
  return_tokens_as_token_ids: flag.nullish(),
  stream: flag.nullish(),
  stream_options: StreamOptions.nullish(),
  user: nonEmptyText.nullish(),
  metadata: z.unknown().optional(),
  store: flag.nullish(),
  cache_salt: text.nullish(),
  prompt_logprobs: integerBetween(0, 20).nullish(),
  allowed_token_ids: AllowedTokenIds.nullish(),
  bad_words_token_ids: BadWordsTokenIds.nullish(),
  detokenize: flag.nullish(),
  guided_json: z.unknown().optional(),
  guided_regex: text.nullish(),
  guided_choice: listOf(text, {
    max: 4096,
    error: "must be a list of at most 4096 strings",
  }).nullish(),
  guided_grammar: text.nullish(),
  guided_decoding_backend: text.nullish(),
  guided_whitespace_pattern: text.nullish(),
  nvext: Nvext.nullish(),
} as const;

export const SamplingRequest = z.object(samplingFields);
/** What chat and text completion requests say in the same words. */
export type SamplingRequest = z.infer<typeof SamplingRequest>;
