import type { z } from "zod";

/** The body as workers of media take it: fields that the schema does not know stand in `extra_args.media_passthrough`. */
export function toWorkerBody(
  request: Readonly<Record<string, unknown>>,
  schema: z.ZodObject,
): Record<string, unknown> {
  const entries = Object.entries(request);
  const unknown = entries.filter(([key]) => !(key in schema.shape));
  if (unknown.length === 0) return { ...request };
  return {
    ...Object.fromEntries(entries.filter(([key]) => key in schema.shape)),
    extra_args: {
      ...(request.extra_args as object | null | undefined),
      media_passthrough: Object.fromEntries(unknown),
    },
  };
}
