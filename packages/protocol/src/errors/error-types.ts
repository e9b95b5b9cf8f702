import { DynError } from "./dyn-error.ts";

/** The caller sent something that can never work: the message names field, value and remedy. */
export class InvalidArgumentError extends DynError {
  constructor(message: string, options: { param?: string; code?: string; cause?: unknown } = {}) {
    super(message, {
      code: options.code ?? "DYN_REQUEST_INVALID_ARGUMENT",
      status: 400,
      ...(options.param === undefined ? {} : { param: options.param }),
      ...(options.cause === undefined ? {} : { cause: options.cause }),
    });
  }
}

/** The request was ended by its caller before it was complete. */
export class CancelledError extends DynError {
  constructor(message = "The request was cancelled by its caller.", cause?: unknown) {
    super(message, { code: "DYN_REQUEST_CANCELLED", status: 499, cause });
  }
}

/** The request outlived its deadline. */
export class DeadlineExceededError extends DynError {
  constructor(message: string, cause?: unknown) {
    super(message, {
      code: "DYN_REQUEST_DEADLINE_EXCEEDED",
      status: 504,
      retryable: true,
      cause,
    });
  }
}

/** A queue or limit is full now; the same request may succeed later. */
export class OverloadedError extends DynError {
  constructor(message: string, options: { code?: string; status?: number } = {}) {
    super(message, {
      code: options.code ?? "DYN_REQUEST_OVERLOADED",
      status: options.status ?? 503,
      retryable: true,
    });
  }
}

/** Nobody can take the request now: no instance, or it is shutting down. */
export class UnavailableError extends DynError {
  constructor(message: string, options: { code?: string; cause?: unknown } = {}) {
    super(message, {
      code: options.code ?? "DYN_REQUEST_UNAVAILABLE",
      status: 503,
      retryable: true,
      ...(options.cause === undefined ? {} : { cause: options.cause }),
    });
  }
}

/** What was asked for by name does not exist. */
export class NotFoundError extends DynError {
  constructor(message: string, options: { param?: string; code?: string } = {}) {
    super(message, {
      code: options.code ?? "DYN_REQUEST_NOT_FOUND",
      status: 404,
      ...(options.param === undefined ? {} : { param: options.param }),
    });
  }
}

/** A fault of ours. */
export class InternalError extends DynError {
  constructor(message: string, cause?: unknown) {
    super(message, { code: "DYN_INTERNAL", status: 500, cause });
  }
}
