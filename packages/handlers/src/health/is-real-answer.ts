// What an engine must have computed. A worker whose first item says only where to meet, or that something failed, is not
// sound for having said it.
import { z } from "zod";

const RealAnswer = z.union([
  /** A step that made a token. */
  z.object({ token_ids: z.array(z.number()).min(1) }),
  /** The first token ended the answer. */
  z.object({
    finish_reason: z.enum(["stop", "length", "eos"]),
    completion_usage: z.object({ completion_tokens: z.number().min(1) }),
  }),
  /** Vectors, as numbers or base64. */
  z.object({
    data: z
      .array(z.object({ embedding: z.union([z.array(z.number()).min(1), z.string().min(1)]) }))
      .min(1),
  }),
  /** Documents by relevance. */
  z.array(z.object({ score: z.number() })).min(1),
  /** Chats. */
  z.object({ usage: z.object({ completion_tokens: z.number().min(1) }) }),
]);

/** Whether an item of a worker of any type shows that its engine computed: a token, a vector or a score. */
export function isRealAnswer(item: unknown): boolean {
  return RealAnswer.safeParse(item).success;
}
