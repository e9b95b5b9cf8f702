import type { z } from "zod";
import { issuesToError } from "./issues-to-error.ts";

/**
 * The body in the schema's type, or an InvalidArgumentError that says what is wrong with it.
 * `ignoreUnknownFields`: fields of the body that the schema does not know are passed over.
 */
export function checkBody<Schema extends z.ZodType>(
  schema: Schema,
  body: unknown,
  options: { readonly ignoreUnknownFields?: boolean } = {},
): z.infer<Schema> {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const { issues } = parsed.error;
  const unknown = issues.flatMap((issue) =>
    issue.code === "unrecognized_keys" && issue.path.length === 0 ? issue.keys : [],
  );
  if (options.ignoreUnknownFields !== true || unknown.length === 0)
    throw issuesToError(issues, body);
  const known = Object.entries(body as object).filter(([key]) => !unknown.includes(key));
  return checkBody(schema, Object.fromEntries(known));
}
