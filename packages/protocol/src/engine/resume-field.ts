// How an answer that was begun at another worker goes on: ours, beside the fields that every worker reads.
// A worker that knows it continues each choice where it stands and says so; one that does not sees a longer prompt.
import { z } from "zod";
import { type PreprocessedRequest, TokenIds } from "./preprocessed-request.ts";

const name = "dyn_resume";

export const ResumeField = z.object({
  /** How many of `token_ids` are the prompt; the rest is the answer so far (only with n = 1). */
  prompt_tokens: z.number().int().positive(),
  /** Of the whole answer; `stop_conditions` has what is left of them. */
  max_tokens: z.number().int().nonnegative().nullish(),
  min_tokens: z.number().int().nonnegative().nullish(),
  /** Per choice what it has produced: it ended if its last token, or its length, says so. */
  choices: z.array(z.object({ token_ids: TokenIds })).min(1),
});
export type ResumeField = z.infer<typeof ResumeField>;

/** The same request with the field, which travels in `extra_args`. */
export function withResumeField(
  request: PreprocessedRequest,
  field: ResumeField,
): PreprocessedRequest {
  const others = isRecord(request.extra_args) ? request.extra_args : {};
  return { ...request, extra_args: { ...others, [name]: field } };
}

/** `null` when the request is a fresh one. Throws a ZodError when the field is not valid. */
export function readResumeField(request: PreprocessedRequest): ResumeField | null {
  const field = isRecord(request.extra_args) ? request.extra_args[name] : undefined;
  return field == null ? null : ResumeField.parse(field);
}

/** Set in the `engine_data` of the first item of an answer that a worker resumed by the field. */
export const resumedMark = "dyn_resumed";

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
