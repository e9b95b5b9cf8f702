// Errors as the wire spells them (Dynamo 1.6.1), both ways. Between our own processes the exact error rides along
// in a field that others ignore.
import { DynError, ErrorRecord, errorToRecord, recordToError } from "@dyn/protocol";
import { z } from "zod";

const errorType = z.union([z.string(), z.object({ Backend: z.string() })]);

export const DynamoError = z.looseObject({
  error_type: errorType.optional(),
  class: z.string().optional(),
  reason: z.string().optional(),
  message: z.string().nullish(),
  diagnostic: z.string().nullish(),
  public: z.looseObject({ type: z.string(), message: z.string().optional() }).nullish(),
  dyn: ErrorRecord.optional(),
});
export type DynamoError = z.infer<typeof DynamoError>;

interface Kind {
  readonly error_type: z.infer<typeof errorType>;
  readonly class: string;
  readonly reason: string;
}

const backend = (name: string, className: string, reason: string): Kind => ({
  error_type: { Backend: name },
  class: className,
  reason,
});
const transport = (name: string, className: string, reason: string): Kind => ({
  error_type: name,
  class: className,
  reason,
});

const kindByCode: Readonly<Record<string, Kind>> = {
  DYN_ENGINE_SHUTDOWN: backend("EngineShutdown", "Unavailable", "backend.engine_shutdown"),
  DYN_RUNTIME_CANNOT_CONNECT: transport("CannotConnect", "Unavailable", "transport.cannot_connect"),
  DYN_RUNTIME_DISCONNECTED: transport("Disconnected", "Unavailable", "transport.disconnected"),
  DYN_REQUEST_OVERLOADED: transport(
    "WorkerOverloaded",
    "CapacityExhausted",
    "capacity.worker_overloaded",
  ),
};

const kindByStatus: Readonly<Record<number, Kind>> = {
  400: backend("InvalidArgument", "InvalidRequest", "backend.invalid_argument"),
  404: backend("Unknown", "NotFound", "request.not_found"),
  413: backend("Unknown", "PayloadTooLarge", "request.payload_too_large"),
  429: backend("Unknown", "RateLimited", "request.rate_limited"),
  499: backend("Cancelled", "Cancelled", "backend.cancelled"),
  501: backend("Unknown", "NotImplemented", "runtime.not_implemented"),
  503: transport("Unavailable", "Unavailable", "backend.unavailable"),
  504: backend("ResponseTimeout", "DeadlineExceeded", "backend.response_timeout"),
  529: kindByCode.DYN_REQUEST_OVERLOADED!,
};

const internal = backend("Unknown", "Internal", "backend.unknown");

export function errorToDynamo(error: unknown): DynamoError {
  const record = errorToRecord(error);
  const kind = kindByCode[record.code] ?? kindByStatus[record.status] ?? internal;
  return {
    ...kind,
    message: record.message,
    diagnostic: record.message,
    // Only this reaches a client of the reference: what the caller did wrong, never our inner state.
    ...(record.status < 500 ? { public: { type: "message", message: record.message } } : {}),
    dyn: record,
  };
}

/** Statuses and codes for what a foreign peer's class says. */
const meaningOfClass: Readonly<
  Record<string, { code: string; status: number; retryable: boolean }>
> = {
  InvalidRequest: { code: "DYN_REQUEST_INVALID_ARGUMENT", status: 400, retryable: false },
  Unauthenticated: { code: "DYN_REQUEST_UNAUTHENTICATED", status: 401, retryable: false },
  PermissionDenied: { code: "DYN_REQUEST_PERMISSION_DENIED", status: 403, retryable: false },
  NotFound: { code: "DYN_REQUEST_NOT_FOUND", status: 404, retryable: false },
  Conflict: { code: "DYN_REQUEST_CONFLICT", status: 409, retryable: false },
  PayloadTooLarge: { code: "DYN_REQUEST_TOO_LARGE", status: 413, retryable: false },
  UnsupportedMedia: { code: "DYN_REQUEST_UNSUPPORTED_MEDIA", status: 415, retryable: false },
  RateLimited: { code: "DYN_REQUEST_RATE_LIMITED", status: 429, retryable: true },
  Cancelled: { code: "DYN_REQUEST_CANCELLED", status: 499, retryable: false },
  Internal: { code: "DYN_INTERNAL", status: 500, retryable: false },
  BackendProtocol: { code: "DYN_RUNTIME_PROTOCOL", status: 502, retryable: true },
  NotImplemented: { code: "DYN_REQUEST_NOT_IMPLEMENTED", status: 501, retryable: false },
  Unavailable: { code: "DYN_REQUEST_UNAVAILABLE", status: 503, retryable: true },
  DeadlineExceeded: { code: "DYN_REQUEST_DEADLINE_EXCEEDED", status: 504, retryable: true },
  CapacityExhausted: { code: "DYN_REQUEST_OVERLOADED", status: 529, retryable: true },
};

/** For peers that send no class: the legacy identity decides. */
const classOfType: Readonly<Record<string, string>> = {
  InvalidArgument: "InvalidRequest",
  CannotConnect: "Unavailable",
  Disconnected: "Unavailable",
  WorkerUnavailable: "Unavailable",
  Unavailable: "Unavailable",
  EngineShutdown: "Unavailable",
  StreamIncomplete: "Unavailable",
  ConnectionTimeout: "DeadlineExceeded",
  ResponseTimeout: "DeadlineExceeded",
  ResourceExhausted: "CapacityExhausted",
  WorkerOverloaded: "CapacityExhausted",
  Cancelled: "Cancelled",
};

/** Codes that say more than the class: they decide inhibition and migration. */
const codeOfType: Readonly<Record<string, string>> = {
  CannotConnect: "DYN_RUNTIME_CANNOT_CONNECT",
  Disconnected: "DYN_RUNTIME_DISCONNECTED",
  StreamIncomplete: "DYN_RUNTIME_DISCONNECTED",
  EngineShutdown: "DYN_ENGINE_SHUTDOWN",
};

/** `fallback`: text for an error that says nothing about itself. */
export function dynamoToError(value: unknown, fallback: string): DynError {
  const parsed = DynamoError.safeParse(value);
  if (!parsed.success) return new DynError(fallback, { code: "DYN_INTERNAL", status: 500 });
  const error = parsed.data;
  if (error.dyn !== undefined) return recordToError(error.dyn);
  const type = typeof error.error_type === "string" ? error.error_type : error.error_type?.Backend;
  const className = error.class ?? classOfType[type ?? ""] ?? "Internal";
  const meaning = meaningOfClass[className] ?? meaningOfClass.Internal!;
  const message = error.public?.message ?? error.message ?? fallback;
  return new DynError(message, { ...meaning, code: codeOfType[type ?? ""] ?? meaning.code });
}
