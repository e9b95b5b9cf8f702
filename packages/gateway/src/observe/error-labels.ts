// Errors in the words of the metrics' labels (Dynamo 1.6.1).
import { type ErrorType, statusToErrorType } from "@dyn/metrics";
import { DynError } from "@dyn/protocol";
import { errorToStatus } from "../errors/error-to-body.ts";
import { isOverload } from "../errors/overload-status.ts";

export function errorToErrorType(error: unknown): ErrorType {
  const status = errorToStatus(error);
  return isRefusedForLoad(error, status) ? "overload" : statusToErrorType(status);
}

export function errorToFailure(error: unknown): {
  readonly failureClass: string;
  readonly reason: string;
} {
  const status = errorToStatus(error);
  if (isRefusedForLoad(error, status)) return failure("ResourceExhausted", "request.overloaded");
  switch (status) {
    case 404:
      return failure("NotFound", "request.not_found");
    case 415:
      return failure("UnsupportedMedia", "request.unsupported_media");
    case 501:
      return failure("NotImplemented", "runtime.not_implemented");
    case 503:
      return DynError.is(error) && error.code === "DYN_RUNTIME_CANNOT_CONNECT"
        ? failure("Unavailable", "transport.cannot_connect")
        : failure("Unavailable", "runtime.unavailable");
    case 504:
      return failure("Unavailable", "request.deadline_exceeded");
    default:
      return status < 500
        ? failure("InvalidRequest", "request.invalid")
        : failure("Internal", "runtime.internal");
  }
}

function failure(failureClass: string, reason: string) {
  return { failureClass, reason };
}

function isRefusedForLoad(error: unknown, status: number): boolean {
  return status === 429 || isOverload(error);
}
