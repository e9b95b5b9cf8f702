// Building blocks of the OpenAI request schemas. Each carries the end of a sentence that begins
// with the field's name: "`temperature` must be a number between 0 and 2".
import { z } from "zod";
import { whenType } from "./when-type.ts";

/** Both ends included. */
export function numberBetween(low: number, high: number) {
  const error = `must be a number between ${low} and ${high}`;
  return z.number({ error }).gte(low, { error }).lte(high, { error });
}

/** The low end excluded, the high end included. */
export function numberAboveUpTo(low: number, high: number) {
  const error = `must be a number greater than ${low} and at most ${high}`;
  return z.number({ error }).gt(low, { error }).lte(high, { error });
}

/** Both ends included. */
export function integerBetween(low: number, high: number) {
  const error = `must be a whole number between ${low} and ${high}`;
  return z.number({ error }).int({ error }).gte(low, { error }).lte(high, { error });
}

export const maxU32 = 4_294_967_295;
export const maxI32 = 2_147_483_647;

export const flag = z.boolean({ error: "must be true or false" });
export const text = z.string({ error: "must be a string" });
export const nonEmptyText = z
  .string({ error: "must be a non-empty string" })
  .min(1, whenType("string", "must be a non-empty string"));
export const tokenId = integerBetween(0, maxU32);
export const jsonObject = z.record(z.string(), z.unknown(), { error: "must be an object" });

export function oneOf<const Values extends readonly [string, ...string[]]>(values: Values) {
  return z.enum(values, { error: `must be one of ${values.join(", ")}` });
}

/** An object whose tag says which of the forms it has. */
export function taggedUnionErrors(values: readonly string[]) {
  return (issue: { readonly code?: string | undefined }) =>
    issue.code === "invalid_type" ? "must be an object" : `must be one of ${values.join(", ")}`;
}
