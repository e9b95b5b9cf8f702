// The body of POST /v1/rerank and its answer, as Dynamo 1.6.1 and SGLang have them. Fields that are not known are passed over.
import { z } from "zod";
import { flag, integerBetween, maxU32, nonEmptyText, text } from "./fields.ts";
import { listOf } from "./list-of.ts";

const notBlank = (error: string) =>
  z.string({ error }).refine((value) => value.trim() !== "", { error });
const documentsError = "must be a list of 1 to 2048 texts";

export const RerankRequest = z.looseObject(
  {
    model: nonEmptyText,
    query: notBlank("must be a text that is not blank"),
    documents: listOf(notBlank("must be a text that is not blank"), {
      min: 1,
      max: 2048,
      error: documentsError,
    }),
    /** Only so many, the best. Default: all. */
    top_n: integerBetween(1, maxU32).nullish(),
    /** Default true. */
    return_documents: flag.nullish(),
    /** What makes a document relevant; for rerankers that can be told. */
    instruct: text.nullish(),
  },
  { error: "must be an object" },
);
export type RerankRequest = z.infer<typeof RerankRequest>;

/** Best first. */
export const RerankList = z.array(
  z.looseObject({
    score: z.number(),
    /** Of the document in the request. */
    index: z.number().int().nonnegative(),
    document: z.string().nullish(),
    meta_info: z.record(z.string(), z.unknown()).nullish(),
  }),
);
export type RerankList = z.infer<typeof RerankList>;
