// Requests over TCP as Dynamo 1.6.1 speaks them: one leg for requests and acknowledgements, and for each
// request a connection that the worker dials back.
import { requestToWire, UnavailableError } from "@dyn/protocol";
import { type EndpointId, endpointPath } from "../../address/endpoint-id.ts";
import { ProtocolError } from "../../codec/protocol-error.ts";
import { decodeTwoPart } from "../../codec/two-part-message.ts";
import type { Instance } from "../../discovery/record.ts";
import { MuxDialer } from "../mux/mux-dialer.ts";
import { muxVersion } from "../mux/mux-frame.ts";
import type { RequestContext } from "../request-context.ts";
import type {
  Annotated,
  CallSettings,
  RequestHandler,
  RequestPlane,
  ServedRequests,
  ServeSettings,
} from "../request-plane.ts";
import { readTraceContext } from "../trace-context.ts";
import { acknowledgements } from "./acknowledgement.ts";
import { callAndReceive } from "./call-and-receive.ts";
import { CallHomeServer, defaultPeerTimeoutMs } from "./call-home-server.ts";
import { decodeControlMessage, formatAddress, parseAddress } from "./control-message.ts";
import { listenHost } from "./listen-host.ts";
import { RequestConnection } from "./request-connection.ts";
import { encodeRequestFrame, type RequestFrame } from "./request-frame.ts";
import {
  codecOfInstance,
  encodeRequestPayload,
  muxOfferTo,
  payloadCodecs,
} from "./request-payload.ts";
import { RequestServer } from "./request-server.ts";
import type { SocketSecurity } from "./socket-security.ts";
import { TcpServedRequests } from "./tcp-served-requests.ts";

export interface TcpRequestPlaneOptions {
  /** What this process tells others. Default 127.0.0.1. A host that is not loopback is listened for on all interfaces. */
  readonly host: string;
  /** As `host`, for the address where answers come in. Default `host`. */
  readonly responseHost?: string;
  /** 0 = any free port. */
  readonly requestPort: number;
  readonly responsePort: number;
  readonly maxPayloadBytes: number;
  readonly connectTimeoutMs: number;
  readonly acknowledgementTimeoutMs: number;
  /** From the acknowledgement to the worker's prologue: covers its queue. */
  readonly prologueTimeoutMs: number;
  /** How long an instance that left discovery may take to begin an answer. */
  readonly withdrawnGraceMs: number;
  readonly idleTimeoutMs: number;
  /** What callers have to use for this process's endpoints. */
  readonly codec: "json" | "msgpack";
  /** Marks what the codec cannot tell by itself, such as the width of floats. */
  readonly shapeRequest: (request: unknown) => unknown;
  /** TLS on both legs; `null` = plain. */
  readonly security: SocketSecurity | null;
  /** Answers between processes that both can go over one connection per pair. Off: a connection per answer. */
  readonly responseMux: boolean;
  /** Shared connections: from the first dial to the greeting, then one connection per answer. */
  readonly muxConnectTimeoutMs: number;
  /** A worker that answers over a shared connection and says nothing for so long is given up. */
  readonly peerTimeoutMs: number;
  /** Shared connections, a worker's end: a caller that vanished is noticed within three of these. */
  readonly muxKeepAliveMs: number;
  readonly onProblem: (message: string, error: unknown) => void;
}

/** Loopback, and ports that the system picks. */
export const defaultTcpOptions: TcpRequestPlaneOptions = Object.freeze({
  host: "127.0.0.1",
  requestPort: 0,
  responsePort: 0,
  maxPayloadBytes: 32 * 1024 * 1024,
  connectTimeoutMs: 3_000,
  acknowledgementTimeoutMs: 5_000,
  prologueTimeoutMs: 300_000,
  withdrawnGraceMs: 5_000,
  idleTimeoutMs: 300_000,
  codec: "msgpack",
  shapeRequest: requestToWire,
  security: null,
  responseMux: true,
  muxConnectTimeoutMs: 1_000,
  peerTimeoutMs: defaultPeerTimeoutMs,
  muxKeepAliveMs: 10_000,
  onProblem: () => {},
});

export class TcpRequestPlane implements RequestPlane {
  readonly kind = "tcp";
  readonly #options: TcpRequestPlaneOptions;
  readonly #served = new Map<string, TcpServedRequests>();
  /** With those that refuse and still finish what runs. */
  readonly #all = new Set<TcpServedRequests>();
  readonly #connections = new Map<string, RequestConnection>();
  #requestServer: Promise<RequestServer> | null = null;
  #callHome: Promise<CallHomeServer> | null = null;
  readonly #mux: MuxDialer | null;
  #isClosed = false;

  constructor(options: Partial<TcpRequestPlaneOptions> = {}) {
    this.#options = { ...defaultTcpOptions, ...options };
    const { responseMux, security, muxConnectTimeoutMs, muxKeepAliveMs, idleTimeoutMs, onProblem } =
      this.#options;
    this.#mux = responseMux
      ? new MuxDialer({
          security,
          connectTimeoutMs: muxConnectTimeoutMs,
          keepAliveMs: muxKeepAliveMs,
          idleTimeoutMs,
          onProblem,
        })
      : null;
  }

  async serve(
    id: EndpointId,
    instanceId: bigint,
    handler: RequestHandler,
    { admission, input, items, observer }: ServeSettings = {},
  ): Promise<ServedRequests> {
    const { host, codec, security, onProblem } = this.#options;
    const server = await this.#listenForRequests();
    const path = `${instanceId.toString(16)}/${endpointPath(id)}`;
    const served = new TcpServedRequests({
      transport: {
        tcp: `${formatAddress(host, server.port)}/${path}`,
        codec,
        ...(this.#mux === null ? {} : { responseMux: String(muxVersion) }),
      },
      handler,
      admission,
      observer,
      input,
      items,
      codecs: payloadCodecs,
      connectTimeoutMs: this.#options.connectTimeoutMs,
      security,
      mux: this.#mux,
      onProblem,
      onRefuse: () => {
        if (this.#served.get(path) === served) this.#served.delete(path);
      },
    });
    this.#served.set(path, served);
    this.#all.add(served);
    return served;
  }

  call(
    instance: Instance,
    request: unknown,
    context: RequestContext,
    { withdrawn, input }: CallSettings = {},
  ): AsyncGenerator<Annotated> {
    const { address, path } = readTransport(instance);
    const codec = codecOfInstance(instance);
    const {
      prologueTimeoutMs,
      withdrawnGraceMs,
      shapeRequest,
      responseMux,
      responseHost: host = this.#options.host,
    } = this.#options;
    return callAndReceive({
      listen: () => this.#listenForResponses(),
      codec,
      context,
      instanceId: instance.instanceId,
      prologueTimeoutMs,
      withdrawn,
      withdrawnGraceMs,
      items: input === "many" ? (request as AsyncIterable<unknown>) : undefined,
      send: async (subjects, callHome) => {
        const home = { host, port: callHome.port };
        const payload = encodeRequestPayload({
          codec,
          response: { ...home, subject: subjects.response },
          requestStream: subjects.request === null ? null : { ...home, subject: subjects.request },
          context,
          body: input === "many" ? null : shapeRequest(request),
          mux: responseMux ? muxOfferTo(instance, callHome.muxOffer) : undefined,
        });
        const connection = this.#connection(address);
        await connection.send(encodeFrame(path, payload, context));
        return connection;
      },
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const [requestServer, callHome] = await Promise.allSettled([
      this.#requestServer,
      this.#callHome,
    ]);
    // What calls from here ends first: it may be answered by this very process.
    if (callHome.status === "fulfilled") await callHome.value?.close();
    for (const connection of this.#connections.values()) connection.close();
    await Promise.all([...this.#all].map((served) => served.close()));
    await this.#mux?.close();
    if (requestServer.status === "fulfilled") await requestServer.value?.close();
    this.#all.clear();
  }

  #connection(address: string): RequestConnection {
    const known = this.#connections.get(address);
    if (known?.isUsable) return known;
    const { connectTimeoutMs, acknowledgementTimeoutMs, idleTimeoutMs, security } = this.#options;
    const connection = new RequestConnection({
      ...parseAddress(address),
      security,
      connectTimeoutMs,
      acknowledgementTimeoutMs,
      idleTimeoutMs,
      onClose: () => {
        if (this.#connections.get(address) === connection) this.#connections.delete(address);
      },
    });
    this.#connections.set(address, connection);
    return connection;
  }

  #listenForRequests(): Promise<RequestServer> {
    const { host, requestPort, maxPayloadBytes, security, onProblem } = this.#options;
    if (this.#isClosed) return Promise.reject(closedError());
    this.#requestServer ??= RequestServer.listen({
      host: listenHost(host),
      port: requestPort,
      security,
      maxPayloadBytes,
      take: (frame) => this.#take(frame),
      onProblem,
    }).catch((error) => {
      this.#requestServer = null;
      throw error;
    });
    return this.#requestServer;
  }

  #take(frame: RequestFrame): string {
    const served = this.#served.get(frame.path);
    if (served === undefined) return acknowledgements.unknownEndpoint(frame.path);
    try {
      const { header, body } = decodeTwoPart(frame.payload);
      return served.run(decodeControlMessage(header), body, readTraceContext(frame.headers));
    } catch (error) {
      // The reference acknowledges what it cannot read, and its caller waits for ever.
      if (error instanceof ProtocolError) return acknowledgements.unreadable(error.message);
      throw error;
    }
  }

  #listenForResponses(): Promise<CallHomeServer> {
    const { host, responseHost = host, responsePort, security, onProblem } = this.#options;
    if (this.#isClosed) return Promise.reject(closedError());
    this.#callHome ??= CallHomeServer.listen({
      host: listenHost(responseHost),
      port: responsePort,
      security,
      peerTimeoutMs: this.#options.peerTimeoutMs,
      onProblem,
    }).catch((error) => {
      this.#callHome = null;
      throw error;
    });
    return this.#callHome;
  }
}

function closedError(): UnavailableError {
  return new UnavailableError("The request plane was closed.", { code: "DYN_RUNTIME_CLOSED" });
}

function encodeFrame(path: string, payload: Buffer, context: RequestContext): Buffer {
  const headers = {
    "request-id": context.id,
    "x-endpoint-path": path,
    "x-frontend-send-ts-ns": `${Date.now()}000000`,
    ...context.trace,
  };
  return encodeRequestFrame({ path, headers, payload });
}

function readTransport(instance: Instance): { address: string; path: string } {
  const { tcp } = instance.transport;
  const slash = tcp?.indexOf("/") ?? -1;
  if (tcp === undefined || slash < 0) {
    throw new UnavailableError(
      `Instance ${instance.instanceId.toString(16)} is not reachable over tcp: its record says ${JSON.stringify(instance.transport)}.`,
      { code: "DYN_RUNTIME_CANNOT_CONNECT" },
    );
  }
  return { address: tcp.slice(0, slash), path: tcp.slice(slash + 1) };
}
