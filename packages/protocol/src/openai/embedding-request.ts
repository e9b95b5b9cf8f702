// The body of POST /v1/embeddings. Fields that are not known are passed over, as in the reference.
import { z } from "zod";
import { integerBetween, maxU32, nonEmptyText, oneOf, text } from "./fields.ts";
import { listOf, tokenIdList } from "./list-of.ts";

const inputError =
  "must be a non-empty string, a list of non-empty strings, a list of token ids, or a list of such lists";
const ids = tokenIdList("must be a list of token ids");
const counts = { min: 1, max: 2048, error: inputError };

export const EmbeddingInput = z.union(
  [nonEmptyText, ids, listOf(nonEmptyText, counts), listOf(ids, counts)],
  { error: inputError },
);
export type EmbeddingInput = z.infer<typeof EmbeddingInput>;

export const EmbeddingRequest = z.looseObject(
  {
    model: nonEmptyText,
    input: EmbeddingInput,
    /** Default float. */
    encoding_format: oneOf(["float", "base64"]).nullish(),
    /** Only the first so many numbers of each vector; they are not scaled again. */
    dimensions: integerBetween(1, maxU32).nullish(),
    user: text.nullish(),
  },
  { error: "must be an object" },
);
export type EmbeddingRequest = z.infer<typeof EmbeddingRequest>;

export const EmbeddingList = z.object({
  object: z.literal("list"),
  data: z.array(
    z.object({
      object: z.literal("embedding"),
      index: z.number().int().nonnegative(),
      /** Numbers, or their little-endian float32 bytes in base64. */
      embedding: z.union([z.array(z.number()), z.string()]),
    }),
  ),
  model: z.string(),
  usage: z.object({
    prompt_tokens: z.number().int().nonnegative(),
    total_tokens: z.number().int().nonnegative(),
  }),
});
export type EmbeddingList = z.infer<typeof EmbeddingList>;
