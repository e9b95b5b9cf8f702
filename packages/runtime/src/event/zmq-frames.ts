// One event on ZMQ as Dynamo 1.6.1 sends it, four frames: topic; publisher id, u64; sequence, u64;
// and a body of one version byte, a u32 length and the envelope. Numbers are big-endian.
import { ProtocolError } from "../codec/protocol-error.ts";
import { decodeEnvelope, encodeEnvelope } from "./envelope-codec.ts";
import type { EventEnvelope } from "./event-plane.ts";

const version = 1;
const bodyHeadBytes = 5;

export function encodeZmqFrames(
  envelope: EventEnvelope,
): [topic: string, publisher: Buffer, sequence: Buffer, body: Buffer] {
  const publisher = Buffer.allocUnsafe(8);
  publisher.writeBigUInt64BE(envelope.publisherId);
  const sequence = Buffer.allocUnsafe(8);
  sequence.writeBigUInt64BE(BigInt(envelope.sequence));
  const bytes = encodeEnvelope(envelope);
  const body = Buffer.allocUnsafe(bodyHeadBytes + bytes.length);
  body.writeUInt8(version, 0);
  body.writeUInt32BE(bytes.length, 1);
  body.set(bytes, bodyHeadBytes);
  return [envelope.topic, publisher, sequence, body];
}

/** Throws a ProtocolError for anything but a whole message whose frames agree with its envelope. */
export function decodeZmqFrames(frames: readonly Buffer[]): EventEnvelope {
  const [topic, publisher, sequence, body] = frames;
  if (!topic || !publisher || !sequence || !body || frames.length !== 4) {
    throw new ProtocolError(`An event has 4 frames, not ${frames.length}.`);
  }
  if (publisher.length !== 8 || sequence.length !== 8) {
    throw new ProtocolError("The second and third frame of an event have 8 bytes each.");
  }
  if (body.length < bodyHeadBytes || body[0] !== version) {
    throw new ProtocolError(`An event's body begins with the version ${version}.`);
  }
  const length = body.readUInt32BE(1);
  if (body.length !== bodyHeadBytes + length) {
    throw new ProtocolError(
      `An event's body says ${length} bytes and has ${body.length - bodyHeadBytes}.`,
    );
  }
  const envelope = decodeEnvelope(body.subarray(bodyHeadBytes));
  const agrees =
    publisher.readBigUInt64BE() === envelope.publisherId &&
    sequence.readBigUInt64BE() === BigInt(envelope.sequence) &&
    topic.toString() === envelope.topic;
  if (!agrees) throw new ProtocolError("An event's frames and its envelope name another sender.");
  return envelope;
}
