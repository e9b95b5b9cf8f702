// What a request carries whichever way it travels: the control message that says where to call home, and the body.
import { jsonCodec } from "../../codec/json-codec.ts";
import { msgpackCodec } from "../../codec/msgpack-codec.ts";
import type { PayloadCodec } from "../../codec/payload-codec.ts";
import { ProtocolError } from "../../codec/protocol-error.ts";
import { encodeTwoPart } from "../../codec/two-part-message.ts";
import type { Instance } from "../../discovery/record.ts";
import type { RequestContext } from "../request-context.ts";
import { type CallHomeTarget, encodeControlMessage } from "./control-message.ts";

export const payloadCodecs: Readonly<Record<string, PayloadCodec>> = {
  json: jsonCodec,
  msgpack: msgpackCodec,
};

/** The codec that callers of this instance have to use; a record that names none wants JSON. */
export function codecOfInstance(instance: Instance): PayloadCodec {
  const { codec: name = "json" } = instance.transport;
  const codec = payloadCodecs[name];
  if (codec === undefined) {
    throw new ProtocolError(`The instance asks for the unknown codec ${JSON.stringify(name)}.`);
  }
  return codec;
}

export function encodeRequestPayload(options: {
  readonly codec: PayloadCodec;
  readonly response: CallHomeTarget;
  readonly context: RequestContext;
  readonly body: unknown;
}): Buffer {
  const { codec, response, context, body } = options;
  const control = encodeControlMessage({
    id: context.id,
    isBidirectional: false,
    codec: codec.name,
    response,
    requestStream: null,
    metadata: context.metadata,
  });
  return encodeTwoPart(control, codec.encode(body));
}
