// What a worker says of its model when it registers. Grows into Dynamo's card with etcd discovery.
import { z } from "zod";

export const ModelType = z.enum(["chat", "completions", "embedding"]);
export type ModelType = z.infer<typeof ModelType>;

export const ModelCard = z.object({
  /** The name that clients send as `model`. */
  displayName: z.string().min(1),
  /** Further names for the same model; answers carry the display name. */
  aliases: z.array(z.string().min(1)).optional(),
  /** Where the tokenizer files are: a directory that the frontend can read. */
  sourcePath: z.string(),
  modelTypes: z.array(ModelType).min(1),
  /** `tokens`: the frontend applies template and tokenizer; `text`: the worker does. */
  modelInput: z.enum(["tokens", "text"]),
  contextLength: z.number().int().positive(),
  kvCacheBlockSize: z.number().int().positive(),
  /** dyn://namespace.component.endpoint that serves the model. */
  endpoint: z.string(),
  /** Creation time in Unix seconds. */
  created: z.number().int(),
  /** A chat template that replaces the directory's own (Jinja source). */
  chatTemplate: z.string().optional(),
  runtimeConfig: z
    .object({
      totalKvBlocks: z.number().int().nonnegative(),
      maxNumSeqs: z.number().int().positive(),
      maxNumBatchedTokens: z.number().int().positive(),
    })
    .partial()
    .optional(),
});
export type ModelCard = z.infer<typeof ModelCard>;
