// Which tokens an answer may have: Dynamo sends it beside the sampling options that every worker reads.
import { z } from "zod";
import type { PreprocessedRequest } from "./preprocessed-request.ts";

const tokenId = z.number().int().nonnegative();

export const TokenRules = z.looseObject({
  /** No other token is produced. */
  allowed_token_ids: z.array(tokenId).nullish(),
  /** Rows of tokens that the answer must not contain; an id by itself is a row of one. */
  bad_words_token_ids: z.array(z.union([tokenId, z.array(tokenId)])).nullish(),
  detokenize: z.boolean().nullish(),
});
export type TokenRules = z.infer<typeof TokenRules>;

/** Throws a ZodError when `extra_args.sampling_options` is not valid. */
export function readTokenRules(request: PreprocessedRequest): TokenRules {
  const extra = request.extra_args;
  const options =
    typeof extra === "object" && extra !== null && "sampling_options" in extra
      ? extra.sampling_options
      : null;
  return options == null ? {} : TokenRules.parse(options);
}
