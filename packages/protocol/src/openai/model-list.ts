// Answers of GET /v1/models and GET /v1/models/{id}.
import { z } from "zod";

export const ModelObject = z.object({
  id: z.string(),
  object: z.literal("model"),
  /** When the model became ready at this frontend, in Unix seconds. */
  created: z.number().int(),
  owned_by: z.string(),
  /** Prompt and answer together, in tokens; 0 = unknown. */
  context_window: z.number().int().nonnegative(),
  max_model_len: z.number().int().nonnegative(),
  max_output_tokens: z.number().int().positive().optional(),
});
export type ModelObject = z.infer<typeof ModelObject>;

export const ModelList = z.object({ object: z.literal("list"), data: z.array(ModelObject) });
export type ModelList = z.infer<typeof ModelList>;
