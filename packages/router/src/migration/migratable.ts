import { DynError } from "@dyn/protocol";

/** What speaks of the worker or the way to it. What the request or the caller did is the same everywhere. */
const codes: ReadonlySet<string> = new Set([
  "DYN_RUNTIME_CANNOT_CONNECT",
  "DYN_RUNTIME_CONNECT_TIMEOUT",
  "DYN_RUNTIME_DISCONNECTED",
  "DYN_RUNTIME_STREAM_TIMEOUT",
  "DYN_RUNTIME_ENDPOINT_DRAINING",
  "DYN_RUNTIME_PROTOCOL",
  // Whether the worker has got the request is not known; if it has, nobody takes its answer.
  "DYN_RUNTIME_NATS_UNREACHABLE",
  "DYN_ENGINE_SHUTDOWN",
  "DYN_ENGINE_DRAINING",
  "DYN_ENGINE_CLOSED",
  "DYN_ENGINE_THREAD_DIED",
  "DYN_ENGINE_QUEUE_FULL",
  "DYN_REQUEST_UNAVAILABLE",
  "DYN_REQUEST_OVERLOADED",
]);

/** Whether another worker may do what failed here. */
export function isMigratable(error: unknown): error is DynError {
  return DynError.is(error) && error.retryable && codes.has(error.code);
}

/** The worker is sound and busy: asking it again at once is of no use. */
export function isRefusalForLoad(error: DynError): boolean {
  return error.code === "DYN_REQUEST_OVERLOADED" || error.code === "DYN_ENGINE_QUEUE_FULL";
}
