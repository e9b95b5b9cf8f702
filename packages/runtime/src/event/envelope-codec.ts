// The envelope of an event as Dynamo 1.6.1 writes it: a MessagePack map of five keys in this order.
import { z } from "zod";
import { msgpackCodec } from "../codec/msgpack-codec.ts";
import { ProtocolError } from "../codec/protocol-error.ts";
import type { EventEnvelope } from "./event-plane.ts";

const Envelope = z.looseObject({
  publisher_id: z.union([z.number().int().nonnegative(), z.bigint().nonnegative()]),
  sequence: z.number().int().nonnegative(),
  published_at: z.number().nonnegative(),
  topic: z.string(),
  payload: z.instanceof(Uint8Array),
});

export function encodeEnvelope(envelope: EventEnvelope): Uint8Array {
  return msgpackCodec.encode({
    publisher_id: envelope.publisherId,
    sequence: envelope.sequence,
    published_at: envelope.publishedAtMs,
    topic: envelope.topic,
    payload: envelope.payload,
  });
}

/** Throws a ProtocolError. The payload is a view of `bytes`. Further keys are left alone. */
export function decodeEnvelope(bytes: Uint8Array): EventEnvelope {
  let value: unknown;
  try {
    value = msgpackCodec.decode(bytes);
  } catch (error) {
    throw new ProtocolError("An event's envelope is not MessagePack.", error);
  }
  const parsed = Envelope.safeParse(value);
  if (!parsed.success) {
    throw new ProtocolError(`An event's envelope is not valid: ${z.prettifyError(parsed.error)}`);
  }
  const { publisher_id, sequence, published_at, topic, payload } = parsed.data;
  return {
    publisherId: BigInt(publisher_id),
    sequence,
    publishedAtMs: published_at,
    topic,
    payload,
  };
}
