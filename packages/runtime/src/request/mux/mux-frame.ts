// The frames of the shared response connection (docs/design/response-mux.md): u8 type, u32 payload length, payload.
// Big-endian; numbers marked "varint" are LEB128. A connection begins with a greeting of each side.
import { ProtocolError } from "../../codec/protocol-error.ts";

/** The version spoken here, in records, control messages and greetings. */
export const muxVersion = 1;

export const frameTypes = {
  /** Worker: the request of this subject is taken and answered as this stream. u32 stream, 16 bytes subject. */
  open: 1,
  /** Worker: items of any streams, in order. Entries of varint stream, varint (bytes << 1 | bare), bytes. */
  items: 2,
  /** Worker: a stream is over. u32 stream, u8 status, JSON error record unless complete. */
  end: 3,
  /** Caller: so much more may be sent. Entries of u32 stream, u32 weight. */
  credit: 4,
  /** Caller: finish what you are at. u32 stream. */
  stop: 5,
  /** Caller: give up; nothing of the stream is wanted any more. u32 stream. */
  kill: 6,
  /** Caller: the request of this subject, not answered yet, is wanted no more. 16 bytes subject. */
  withdraw: 9,
  /** Either: are you there? No payload. */
  ping: 7,
  /** Either: I am. No payload. */
  pong: 8,
} as const;

export const endStatuses = {
  complete: 0,
  /** The request failed: the error would be the same elsewhere, or says itself that it would not. */
  error: 1,
  /** The worker gives the stream up; it may go on at another one. */
  migrate: 2,
} as const;

export const frameHeadBytes = 5;

/** What an item takes of its stream's window: small items cost memory beyond their bytes. */
export const itemOverheadWeight = 64;

const magic = Buffer.from("DYNMUX");
export const greetingBytes = 24;

/** "DYNMUX", u8 version, u8 zero, 16 bytes: the id of the calling process. No two-part message and no TLS begins so. */
export function encodeGreeting(callerId: string): Buffer {
  return Buffer.concat([magic, Buffer.from([muxVersion, 0]), uuidToBytes(callerId)]);
}

/** The caller id. `bytes`: the first 24 of the connection. Throws a ProtocolError for anything that is no greeting. */
export function decodeGreeting(bytes: Buffer): string {
  if (!bytes.subarray(0, magic.length).equals(magic)) {
    throw new ProtocolError("The peer does not begin with the greeting of the response mux.");
  }
  if (bytes[magic.length] !== muxVersion) {
    throw new ProtocolError(
      `The peer speaks version ${bytes[magic.length]} of the response mux, this process ${muxVersion}.`,
    );
  }
  return bytesToUuid(bytes.subarray(8, greetingBytes));
}

export function looksLikeGreeting(firstByte: number): boolean {
  return firstByte === magic[0];
}

export function uuidToBytes(uuid: string): Buffer {
  const hex = uuid.replaceAll("-", "");
  if (!/^[0-9a-f]{32}$/i.test(hex)) throw new ProtocolError(`${JSON.stringify(uuid)} is no UUID.`);
  return Buffer.from(hex, "hex");
}

export function bytesToUuid(bytes: Buffer): string {
  const hex = bytes.toString("hex");
  return [8, 12, 16, 20, 32]
    .map((end, i, ends) => hex.slice(i === 0 ? 0 : ends[i - 1], end))
    .join("-");
}
