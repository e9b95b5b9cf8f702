import { z } from "zod";

/**
 * The body of every refused or failed request: OpenAI's `error` object, and beside it the flat
 * fields that clients of Dynamo 1.6.1 read (reason phrase and status).
 */
export const OpenAIErrorBody = z.object({
  error: z.object({
    message: z.string(),
    type: z.string(),
    /** The request field at fault, as the client spells it. */
    param: z.string().nullable(),
    code: z.string().nullable(),
  }),
  message: z.string(),
  type: z.string(),
  code: z.number().int(),
});
export type OpenAIErrorBody = z.infer<typeof OpenAIErrorBody>;
