// The request leg, caller to worker (Dynamo 1.6.1):
// u16 path length, path, u16 headers length, headers (JSON object), u32 payload length, payload (one two-part message).
import type { ByteQueue } from "../../codec/byte-queue.ts";
import { ProtocolError } from "../../codec/protocol-error.ts";

export interface RequestFrame {
  /** As in the instance record, behind the first slash. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly payload: Buffer;
}

const maxU16 = 0xffff;

export function encodeRequestFrame(frame: RequestFrame): Buffer {
  const path = Buffer.from(frame.path);
  const headers = Buffer.from(JSON.stringify(frame.headers));
  if (path.length > maxU16 || headers.length > maxU16) {
    throw new ProtocolError(
      `The path (${path.length} bytes) and the headers (${headers.length} bytes) may have ${maxU16} bytes each.`,
    );
  }
  const bytes = Buffer.allocUnsafe(8 + path.length + headers.length + frame.payload.length);
  let at = bytes.writeUInt16BE(path.length, 0);
  at += path.copy(bytes, at);
  at = bytes.writeUInt16BE(headers.length, at);
  at += headers.copy(bytes, at);
  at = bytes.writeUInt32BE(frame.payload.length, at);
  frame.payload.copy(bytes, at);
  return bytes;
}

/** What stands at the front of the queue: a whole frame, nothing whole yet, or a payload over the limit. */
export type RequestFrameRead =
  | { readonly type: "frame"; readonly frame: RequestFrame }
  | { readonly type: "incomplete" }
  | { readonly type: "too-large"; readonly sizeBytes: number };

/** Takes a frame off the queue if it is whole. The limit is judged from the length field alone. */
export function takeRequestFrame(queue: ByteQueue, maxPayloadBytes: number): RequestFrameRead {
  const incomplete = { type: "incomplete" } as const;
  const pathLength = queue.peek(2)?.readUInt16BE(0);
  if (pathLength === undefined) return incomplete;
  const headersAt = 2 + pathLength;
  const headersLength = queue.peek(headersAt + 2)?.readUInt16BE(headersAt);
  if (headersLength === undefined) return incomplete;
  const payloadAt = headersAt + 2 + headersLength;
  const payloadLength = queue.peek(payloadAt + 4)?.readUInt32BE(payloadAt);
  if (payloadLength === undefined) return incomplete;
  if (payloadLength > maxPayloadBytes) return { type: "too-large", sizeBytes: payloadLength };
  const bytes = queue.take(payloadAt + 4 + payloadLength);
  if (bytes === null) return incomplete;
  return {
    type: "frame",
    frame: {
      path: bytes.toString("utf8", 2, headersAt),
      headers: parseHeaders(bytes.subarray(headersAt + 2, payloadAt)),
      payload: bytes.subarray(payloadAt + 4),
    },
  };
}

/** Headers are hints: a section that is empty or no JSON object counts as none. */
function parseHeaders(bytes: Buffer): Record<string, string> {
  if (bytes.length === 0) return {};
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString("utf8"));
  } catch {
    return {};
  }
  if (typeof value !== "object" || value === null) return {};
  const headers: Record<string, string> = {};
  for (const [name, text] of Object.entries(value))
    if (typeof text === "string") headers[name] = text;
  return headers;
}
