import { DynError } from "@dyn/protocol";

/** Whether nobody had room for a request, in whatever words. */
export function isOverload(error: unknown): error is DynError {
  return DynError.is(error) && (error.status === 529 || error.code.endsWith("_OVERLOADED"));
}

/** The same error with the status that clients are to see; others pass. */
export function withOverloadStatus(error: unknown, status: number): unknown {
  if (!isOverload(error) || error.status === status) return error;
  const { message, code, retryable, param } = error;
  return new DynError(message, {
    code,
    status,
    retryable,
    cause: error,
    ...(param === undefined ? {} : { param }),
  });
}
