// Worker to caller on the request connection, in the order of the requests:
// u32 length, then that many bytes of text. Empty = accepted (Dynamo 1.6.1).
import { type DynError, OverloadedError, UnavailableError } from "@dyn/protocol";
import type { ByteQueue } from "../../codec/byte-queue.ts";
import { ProtocolError } from "../../codec/protocol-error.ts";

export const acknowledgements = {
  accepted: "",
  overloaded: "Server overloaded: worker at capacity",
  unknownEndpoint: (path: string) => `Server unavailable: unknown endpoint ${path}`,
  /** Peers know two beginnings of a refusal; a text that begins otherwise counts as accepted there. */
  unreadable: (reason: string) =>
    `Server unavailable: unreadable request: ${reason}`.slice(0, 4096),
  tooLarge: (sizeBytes: number, maxBytes: number) =>
    `Read error: message too large: ${sizeBytes} bytes (max: ${maxBytes} bytes)`,
} as const;

/** Longer texts are no acknowledgement of any peer. */
const maxTextBytes = 64 * 1024;

export function encodeAcknowledgement(text: string): Buffer {
  const bytes = Buffer.from(text);
  const frame = Buffer.allocUnsafe(4 + bytes.length);
  frame.writeUInt32BE(bytes.length, 0);
  bytes.copy(frame, 4);
  return frame;
}

/** `null` while it is not whole. */
export function takeAcknowledgement(queue: ByteQueue): string | null {
  const length = queue.peek(4)?.readUInt32BE(0);
  if (length === undefined) return null;
  if (length > maxTextBytes) {
    throw new ProtocolError(
      `An acknowledgement of ${length} bytes is over the limit of ${maxTextBytes}.`,
    );
  }
  return queue.take(4 + length)?.toString("utf8", 4) ?? null;
}

/**
 * The refusal that a text means; `null` = accepted.
 * An unknown text is a refusal too: the reference takes it as accepted and then waits for ever.
 */
export function acknowledgementToError(text: string): DynError | null {
  if (text === "") return null;
  if (text.startsWith("Server overloaded:")) {
    return new OverloadedError(`The worker refused the request: ${text}`, { status: 529 });
  }
  if (text.startsWith("Server unavailable:")) {
    return new UnavailableError(`The worker refused the request: ${text}`, {
      code: "DYN_RUNTIME_ENDPOINT_DRAINING",
    });
  }
  if (text.startsWith("Read error: message too large:")) {
    return new PayloadTooLarge(text);
  }
  return new ProtocolError(
    `The worker answered with an unknown acknowledgement: ${JSON.stringify(text)}`,
  );
}

class PayloadTooLarge extends ProtocolError {
  override readonly status = 413;
  override readonly retryable = false;
  constructor(text: string) {
    super(`The request is too large for the worker: ${text}`);
  }
}
