// What a frontend asks an embedding worker that takes tokens, and its one item (Dynamo 1.6.1).
import { z } from "zod";
import { TokenIds } from "./preprocessed-request.ts";

export const PreprocessedEmbeddingRequest = z.looseObject({
  token_ids: z.array(TokenIds).min(1),
  model: z.string(),
  encoding_format: z.string().nullish(),
  dimensions: z.number().int().positive().nullish(),
  mdc_sum: z.string().nullish(),
  annotations: z.array(z.string()).nullish(),
});
export type PreprocessedEmbeddingRequest = z.infer<typeof PreprocessedEmbeddingRequest>;

export const EmbeddingItem = z.looseObject({
  /** Per prompt, little-endian float32 in base64. */
  embeddings: z.array(z.string()),
  prompt_tokens: z.number().int().nonnegative(),
  total_tokens: z.number().int().nonnegative(),
});
export type EmbeddingItem = z.infer<typeof EmbeddingItem>;
