import { DynError } from "@dyn/protocol";

/** Whether nobody had room for a request, in whatever words. */
export function isOverload(error: unknown): error is DynError {
  return DynError.is(error) && (error.status === 529 || error.code.endsWith("_OVERLOADED"));
}

/** A 529 with the status that clients are to see in its place; other errors pass. */
export function withOverloadStatus(error: unknown, status: number): unknown {
  if (!DynError.is(error) || error.status !== 529 || status === 529) return error;
  const { message, code, retryable, param } = error;
  return new DynError(message, {
    code,
    status,
    retryable,
    cause: error,
    ...(param === undefined ? {} : { param }),
  });
}
