// What a caller says about a request beside its body (Dynamo 1.6.1). Always JSON.
import { z } from "zod";
import { ProtocolError } from "../../codec/protocol-error.ts";
import { muxVersion } from "../mux/mux-frame.ts";

const ConnectionInfo = z.looseObject({ transport: z.string(), info: z.string() });

/** `info` of a `tcp_server` connection, itself JSON text: where to call home. */
const CallHome = z.looseObject({
  address: z.string(),
  subject: z.string(),
  context: z.string().optional(),
  stream_type: z.string(),
});

/** Ours: over which version of the shared response connection the caller can be answered. Others ignore it. */
const Mux = z.looseObject({
  version: z.literal(muxVersion),
  caller: z.uuid(),
  window: z.number().int().positive(),
});

const Control = z.looseObject({
  id: z.string(),
  request_type: z.enum(["single_in", "many_in"]).default("single_in"),
  response_type: z.string().optional(),
  payload_codec: z.enum(["json", "msgpack"]).default("json"),
  connection_info: ConnectionInfo,
  request_stream_connection_info: ConnectionInfo.optional(),
  metadata: z.record(z.string(), z.string()).optional(),
  // A version that is not spoken here is no offer, and no fault.
  dyn_response_mux: Mux.optional().catch(undefined),
});

/** An offer to be answered over one connection per calling process; its address is that of the call home. */
export interface MuxOffer {
  /** UUID of the calling process. */
  readonly callerId: string;
  /** Weight of items that may be sent per stream without credit. */
  readonly window: number;
}

export interface CallHomeTarget {
  readonly host: string;
  readonly port: number;
  readonly subject: string;
}

export interface ControlMessage {
  readonly id: string;
  readonly isBidirectional: boolean;
  readonly codec: "json" | "msgpack";
  readonly response: CallHomeTarget;
  readonly requestStream: CallHomeTarget | null;
  readonly metadata: Readonly<Record<string, string>>;
  /** Absent: one connection for this answer alone. */
  readonly mux?: MuxOffer | undefined;
}

export function encodeControlMessage(message: ControlMessage): Buffer {
  const connection = (target: CallHomeTarget, streamType: string) => ({
    transport: "tcp_server",
    info: JSON.stringify({
      address: formatAddress(target.host, target.port),
      subject: target.subject,
      context: message.id,
      stream_type: streamType,
    }),
  });
  return Buffer.from(
    JSON.stringify({
      id: message.id,
      request_type: message.isBidirectional ? "many_in" : "single_in",
      response_type: "many_out",
      payload_codec: message.codec,
      connection_info: connection(message.response, "response"),
      ...(message.requestStream === null
        ? {}
        : { request_stream_connection_info: connection(message.requestStream, "request") }),
      ...(Object.keys(message.metadata).length === 0 ? {} : { metadata: message.metadata }),
      ...(message.mux === undefined ? {} : { dyn_response_mux: offerToWire(message.mux) }),
    }),
  );
}

/** Throws a ProtocolError that says what is missing. */
export function decodeControlMessage(bytes: Buffer): ControlMessage {
  const control = Control.safeParse(parse(bytes.toString("utf8"), "control message"));
  if (!control.success) {
    throw new ProtocolError(`The control message is not valid: ${z.prettifyError(control.error)}`);
  }
  const { data } = control;
  const requestStream = data.request_stream_connection_info;
  return {
    id: data.id,
    isBidirectional: data.request_type === "many_in" && requestStream !== undefined,
    codec: data.payload_codec,
    response: readTarget(data.connection_info),
    requestStream: requestStream === undefined ? null : readTarget(requestStream),
    metadata: data.metadata ?? {},
    ...(data.dyn_response_mux === undefined ? {} : { mux: wireToOffer(data.dyn_response_mux) }),
  };
}

function offerToWire({ callerId, window }: MuxOffer): z.infer<typeof Mux> {
  return { version: muxVersion, caller: callerId, window };
}

function wireToOffer({ caller, window }: z.infer<typeof Mux>): MuxOffer {
  return { callerId: caller, window };
}

function readTarget(connection: z.infer<typeof ConnectionInfo>): CallHomeTarget {
  if (connection.transport !== "tcp_server") {
    throw new ProtocolError(
      `The caller asks for the response transport ${JSON.stringify(connection.transport)}; this worker answers over tcp_server. Set the caller's response plane to tcp.`,
    );
  }
  const info = CallHome.safeParse(parse(connection.info, "connection info"));
  if (!info.success) {
    throw new ProtocolError(`The connection info is not valid: ${z.prettifyError(info.error)}`);
  }
  const { host, port } = parseAddress(info.data.address);
  return { host, port, subject: info.data.subject };
}

function parse(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ProtocolError(`The ${what} is not JSON.`, error);
  }
}

/** `host:port`, IPv6 hosts in brackets. */
export function parseAddress(address: string): { host: string; port: number } {
  const at = address.lastIndexOf(":");
  const host = address.slice(0, at).replace(/^\[(.*)\]$/, "$1");
  const port = Number(address.slice(at + 1));
  if (at <= 0 || host === "" || !Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new ProtocolError(`${JSON.stringify(address)} is not an address of the form host:port.`);
  }
  return { host, port };
}

/** `host:port`, with brackets around an IPv6 host. */
export function formatAddress(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
