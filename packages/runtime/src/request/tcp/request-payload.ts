// What a request carries whichever way it travels: the control message that says where to call home, and the body.
import { jsonCodec } from "../../codec/json-codec.ts";
import { msgpackCodec } from "../../codec/msgpack-codec.ts";
import type { PayloadCodec } from "../../codec/payload-codec.ts";
import { ProtocolError } from "../../codec/protocol-error.ts";
import { encodeTwoPart } from "../../codec/two-part-message.ts";
import type { Instance } from "../../discovery/record.ts";
import { muxVersion } from "../mux/mux-frame.ts";
import type { RequestContext } from "../request-context.ts";
import { type CallHomeTarget, encodeControlMessage, type MuxOffer } from "./control-message.ts";

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

/** What is offered to an instance whose record says that it takes the offer; a peer's says nothing of it. */
export function muxOfferTo(instance: Instance, offer: MuxOffer): MuxOffer | undefined {
  return Number(instance.transport.responseMux) >= muxVersion ? offer : undefined;
}

export function encodeRequestPayload(options: {
  readonly codec: PayloadCodec;
  readonly response: CallHomeTarget;
  readonly context: RequestContext;
  readonly body: unknown;
  /** Where the worker calls for the items of a bidirectional request, which has no body. */
  readonly requestStream?: CallHomeTarget | null;
  readonly mux?: MuxOffer | undefined;
}): Buffer {
  const { codec, response, context, body, mux, requestStream = null } = options;
  const control = encodeControlMessage({
    id: context.id,
    isBidirectional: requestStream !== null,
    codec: codec.name,
    response,
    requestStream,
    metadata: context.metadata,
    mux,
  });
  return encodeTwoPart(control, requestStream === null ? codec.encode(body) : undefined);
}
