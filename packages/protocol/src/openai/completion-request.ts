import { z } from "zod";
import { flag, integerBetween, maxU32, nonEmptyText, text } from "./fields.ts";
import { listOf, tokenIdList } from "./list-of.ts";
import { samplingFields } from "./sampling-fields.ts";

const promptError =
  "must be a non-empty string, a list of non-empty strings, a list of token ids, or a list of such lists";
const maxPromptCount = 2048;
const tokenPrompt = tokenIdList("must be a list of token ids");
const listed = { min: 1, max: maxPromptCount, error: promptError };

/** Ids come first: a long list of them is not tried as text. */
export const Prompt = z.union(
  [nonEmptyText, tokenPrompt, listOf(nonEmptyText, listed), listOf(tokenPrompt, listed)],
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
