import { z } from "zod";
import { flag, integerBetween, maxU32, nonEmptyText, text, tokenId } from "./fields.ts";
import { samplingFields } from "./sampling-fields.ts";

const promptError =
  "must be a non-empty string, a list of non-empty strings, a list of token ids, or a list of such lists";
const tokensError = "must be a list of at least one token id";
const tokenPrompt = z.array(tokenId, { error: tokensError }).min(1, { error: tokensError });

export const Prompt = z.union(
  [
    nonEmptyText,
    z.array(nonEmptyText).min(1, { error: promptError }),
    tokenPrompt,
    z.array(tokenPrompt).min(1, { error: promptError }),
  ],
  { error: promptError },
);
export type Prompt = z.infer<typeof Prompt>;

/** The body of POST /v1/completions. Fields outside it are refused by name. */
export const CompletionRequest = z.strictObject(
  {
    ...samplingFields,
    prompt: Prompt,
    /** Default 16. */
    max_tokens: integerBetween(1, maxU32).nullish(),
    logprobs: integerBetween(0, 5).nullish(),
    echo: flag.nullish(),
    suffix: text.nullish(),
    best_of: integerBetween(1, 20).nullish(),
  },
  { error: "must be an object" },
);
export type CompletionRequest = z.infer<typeof CompletionRequest>;
