// The bodies of POST /v1/classify and /v1/pooling and their answers, as Dynamo 1.6.1 has them. Fields that are not known are
// passed over.
import { z } from "zod";
import { EmbeddingInput } from "./embedding-request.ts";
import { nonEmptyText, oneOf, text } from "./fields.ts";

const scored = {
  model: nonEmptyText,
  input: EmbeddingInput,
  user: text.nullish(),
  /** Default 0. */
  priority: z
    .number({ error: "must be a whole number" })
    .int({ error: "must be a whole number" })
    .nullish(),
};

export const ClassifyRequest = z.looseObject(scored, { error: "must be an object" });
export type ClassifyRequest = z.infer<typeof ClassifyRequest>;

export const PoolingRequest = z.looseObject(
  {
    ...scored,
    /** Default float. */
    encoding_format: oneOf(["float", "base64"]).nullish(),
    dimensions: z.null({ error: "must be left out: pooled vectors are not shortened" }).optional(),
  },
  { error: "must be an object" },
);
export type PoolingRequest = z.infer<typeof PoolingRequest>;

/** One entry for each input: its labels' probabilities, or its vectors. */
export const ScoreList = z.looseObject({
  object: z.literal("list"),
  data: z.array(z.looseObject({ index: z.number().int().nonnegative() })),
  usage: z.looseObject({ prompt_tokens: z.number().int().nonnegative() }).nullish(),
});
export type ScoreList = z.infer<typeof ScoreList>;
