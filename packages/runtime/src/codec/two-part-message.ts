// The envelope of both legs: header and body with their lengths (Dynamo 1.6.1).
// u64 header length, u64 body length, u64 checksum (always 0, never checked), header, body; big-endian.
import { ProtocolError } from "./protocol-error.ts";

export const twoPartHeadBytes = 24;
const empty = Buffer.alloc(0);

export interface TwoPartMessage {
  readonly header: Buffer;
  readonly body: Buffer;
}

export function encodeTwoPart(header: Uint8Array = empty, body: Uint8Array = empty): Buffer {
  const message = Buffer.allocUnsafe(twoPartHeadBytes + header.length + body.length);
  message.fill(0, 0, twoPartHeadBytes);
  message.writeUInt32BE(header.length, 4);
  message.writeUInt32BE(body.length, 12);
  message.set(header, twoPartHeadBytes);
  message.set(body, twoPartHeadBytes + header.length);
  return message;
}

export interface TwoPartLengths {
  readonly headerBytes: number;
  readonly bodyBytes: number;
}

/** `head`: at least 24 bytes. Throws a ProtocolError when a part is longer than `maxBytes`. */
export function readTwoPartLengths(head: Buffer, maxBytes: number): TwoPartLengths {
  const headerBytes = Number(head.readBigUInt64BE(0));
  const bodyBytes = Number(head.readBigUInt64BE(8));
  if (headerBytes + bodyBytes > maxBytes) {
    throw new ProtocolError(
      `A message of ${headerBytes} + ${bodyBytes} bytes is over the limit of ${maxBytes}.`,
    );
  }
  return { headerBytes, bodyBytes };
}

/** A complete message in one buffer; bytes behind it are an error. */
export function decodeTwoPart(bytes: Buffer): TwoPartMessage {
  if (bytes.length < twoPartHeadBytes) {
    throw new ProtocolError(
      `A two-part message of ${bytes.length} bytes has no room for its lengths.`,
    );
  }
  const { headerBytes, bodyBytes } = readTwoPartLengths(bytes, bytes.length);
  if (twoPartHeadBytes + headerBytes + bodyBytes !== bytes.length) {
    throw new ProtocolError(
      `A two-part message says ${headerBytes} + ${bodyBytes} bytes and carries ${bytes.length - twoPartHeadBytes}.`,
    );
  }
  const split = twoPartHeadBytes + headerBytes;
  return { header: bytes.subarray(twoPartHeadBytes, split), body: bytes.subarray(split) };
}
