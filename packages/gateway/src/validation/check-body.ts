import type { z } from "zod";
import { issuesToError } from "./issues-to-error.ts";

/** The body in the schema's type, or an InvalidArgumentError that says what is wrong with it. */
export function checkBody<Schema extends z.ZodType>(
  schema: Schema,
  body: unknown,
): z.infer<Schema> {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  throw issuesToError(parsed.error.issues, body);
}
