import { z } from "zod";
import { DynError } from "./dyn-error.ts";

/** A DynError as it crosses a process or a thread. */
export const ErrorRecord = z.object({
  message: z.string(),
  code: z.string(),
  status: z.number().int(),
  retryable: z.boolean(),
  param: z.string().optional(),
});
export type ErrorRecord = z.infer<typeof ErrorRecord>;

/** Never fails: an unknown thrown value becomes an internal error. */
export function errorToRecord(error: unknown): ErrorRecord {
  if (DynError.is(error)) {
    const { message, code, status, retryable, param } = error;
    return { message, code, status, retryable, ...(param === undefined ? {} : { param }) };
  }
  const message = error instanceof Error ? error.message : String(error);
  return { message, code: "DYN_INTERNAL", status: 500, retryable: false };
}

export function recordToError(record: ErrorRecord): DynError {
  const { message, ...options } = record;
  return new DynError(message, {
    code: options.code,
    status: options.status,
    retryable: options.retryable,
    ...(options.param === undefined ? {} : { param: options.param }),
  });
}
