// One message of an engine's PUB socket, three frames: topic; sequence, u64 big-endian from 0; payload.
import { KvWireError } from "../kv-wire-error.ts";

export interface EngineMessage {
  readonly topic: string;
  readonly sequence: number;
  readonly payload: Uint8Array;
}

/** The frames in their order on the wire. */
export function encodeEngineFrames(message: EngineMessage): [string, Buffer, Uint8Array] {
  return [message.topic, encodeSequence(message.sequence), message.payload];
}

/** Throws a KvWireError for anything but three frames with a sequence of 8 bytes. */
export function decodeEngineFrames(frames: readonly Uint8Array[]): EngineMessage {
  const [topic, sequence, payload] = frames;
  if (!topic || !sequence || !payload || frames.length !== 3) {
    throw new KvWireError(`A message of KV events has 3 frames, not ${frames.length}.`);
  }
  return {
    topic: Buffer.from(topic).toString(),
    sequence: decodeSequence(sequence),
    payload,
  };
}

export function encodeSequence(sequence: number): Buffer {
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeBigInt64BE(BigInt(sequence));
  return bytes;
}

/** -1 is the end of a replay. */
export function decodeSequence(bytes: Uint8Array): number {
  if (bytes.length !== 8) {
    throw new KvWireError(`A sequence number has 8 bytes, not ${bytes.length}.`);
  }
  const sequence = Buffer.from(bytes.buffer, bytes.byteOffset, 8).readBigInt64BE();
  if (sequence < -1n || sequence > Number.MAX_SAFE_INTEGER) {
    throw new KvWireError(`${sequence} is no sequence number.`);
  }
  return Number(sequence);
}
