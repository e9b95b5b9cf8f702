import { DynError } from "@dyn/protocol";

/** A peer sent bytes that are no message of the wire. The message is lost, the stream goes on. */
export class KvWireError extends DynError {
  constructor(message: string, cause?: unknown) {
    super(message, { code: "DYN_KV_EVENTS_WIRE", status: 502, cause });
  }
}
