// One choice of a request that was sent apart from the others: ours, beside the fields that every worker reads.
// A worker that knows it draws what one request of all choices would have drawn.
import { z } from "zod";
import type { PreprocessedRequest } from "./preprocessed-request.ts";
import { Seed } from "./seed.ts";

const name = "dyn_choice";

export const ChoiceField = z.object({
  /** Of the choice in the whole request. */
  index: z.number().int().nonnegative(),
  /** Of the whole request; `sampling_options.seed` has one for workers that do not know the field. */
  seed: Seed.nullish(),
});
export type ChoiceField = z.infer<typeof ChoiceField>;

/** A request of n choices as n requests of one. */
export function splitChoices(request: PreprocessedRequest): PreprocessedRequest[] {
  const { sampling_options: sampling } = request;
  const { seed } = sampling;
  const others = isRecord(request.extra_args) ? request.extra_args : {};
  return Array.from({ length: sampling.n ?? 1 }, (_, index) => ({
    ...request,
    sampling_options: {
      ...sampling,
      n: 1,
      best_of: null,
      // Another one for each, within an i64.
      seed: seed == null ? seed : BigInt.asIntN(64, BigInt(seed) + BigInt(index)),
    },
    extra_args: { ...others, [name]: { index, seed } },
  }));
}

/** `null` when the request is a whole one. Throws a ZodError when the field is not valid. */
export function readChoiceField(request: PreprocessedRequest): ChoiceField | null {
  const field = isRecord(request.extra_args) ? request.extra_args[name] : undefined;
  return field == null ? null : ChoiceField.parse(field);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
