import { DynError } from "@dyn/protocol";

/** A peer sent bytes that are no message of the plane. The connection cannot go on. */
export class ProtocolError extends DynError {
  constructor(message: string, cause?: unknown) {
    super(message, { code: "DYN_RUNTIME_PROTOCOL", status: 502, retryable: true, cause });
  }
}
