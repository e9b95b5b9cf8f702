// Requests over TCP as Dynamo 1.6.1 speaks them: one leg for requests and acknowledgements, and for each
// request a connection that the worker dials back.
import { randomUUID } from "node:crypto";
import {
  CancelledError,
  DeadlineExceededError,
  requestToWire,
  UnavailableError,
} from "@dyn/protocol";
import { type EndpointId, endpointPath } from "../../address/endpoint-id.ts";
import { jsonCodec } from "../../codec/json-codec.ts";
import { msgpackCodec } from "../../codec/msgpack-codec.ts";
import type { PayloadCodec } from "../../codec/payload-codec.ts";
import { ProtocolError } from "../../codec/protocol-error.ts";
import { decodeTwoPart, encodeTwoPart } from "../../codec/two-part-message.ts";
import type { Instance } from "../../discovery/record.ts";
import type { RequestContext } from "../request-context.ts";
import type { Annotated, RequestHandler, RequestPlane, ServedRequests } from "../request-plane.ts";
import { acknowledgements } from "./acknowledgement.ts";
import { CallHomeServer } from "./call-home-server.ts";
import {
  decodeControlMessage,
  encodeControlMessage,
  formatAddress,
  parseAddress,
} from "./control-message.ts";
import { RequestConnection } from "./request-connection.ts";
import { encodeRequestFrame, type RequestFrame } from "./request-frame.ts";
import { RequestServer } from "./request-server.ts";
import { ResponseReceiver } from "./response-receiver.ts";
import { TcpServedRequests } from "./tcp-served-requests.ts";

export interface TcpRequestPlaneOptions {
  /** Where this process listens and what it tells others. Default 127.0.0.1. */
  readonly host: string;
  /** 0 = any free port. */
  readonly requestPort: number;
  readonly responsePort: number;
  readonly maxPayloadBytes: number;
  readonly connectTimeoutMs: number;
  readonly acknowledgementTimeoutMs: number;
  /** From the acknowledgement to the worker's prologue: covers its queue. */
  readonly prologueTimeoutMs: number;
  readonly idleTimeoutMs: number;
  /** What callers have to use for this process's endpoints. */
  readonly codec: "json" | "msgpack";
  /** Marks what the codec cannot tell by itself, such as the width of floats. */
  readonly shapeRequest: (request: unknown) => unknown;
}

export const defaultTcpOptions: TcpRequestPlaneOptions = Object.freeze({
  host: "127.0.0.1",
  requestPort: 0,
  responsePort: 0,
  maxPayloadBytes: 32 * 1024 * 1024,
  connectTimeoutMs: 3_000,
  acknowledgementTimeoutMs: 5_000,
  prologueTimeoutMs: 300_000,
  idleTimeoutMs: 300_000,
  codec: "msgpack",
  shapeRequest: requestToWire,
});

const codecs: Readonly<Record<string, PayloadCodec>> = { json: jsonCodec, msgpack: msgpackCodec };

export class TcpRequestPlane implements RequestPlane {
  readonly kind = "tcp";
  readonly #options: TcpRequestPlaneOptions;
  readonly #served = new Map<string, TcpServedRequests>();
  readonly #connections = new Map<string, RequestConnection>();
  #requestServer: Promise<RequestServer> | null = null;
  #callHome: Promise<CallHomeServer> | null = null;

  constructor(options: Partial<TcpRequestPlaneOptions> = {}) {
    this.#options = { ...defaultTcpOptions, ...options };
  }

  async serve(
    id: EndpointId,
    instanceId: bigint,
    handler: RequestHandler,
  ): Promise<ServedRequests> {
    const { host, codec } = this.#options;
    const server = await this.#listenForRequests();
    const path = `${instanceId.toString(16)}/${endpointPath(id)}`;
    const served = new TcpServedRequests({
      transport: { tcp: `${formatAddress(host, server.port)}/${path}`, codec },
      handler,
      codecs,
      connectTimeoutMs: this.#options.connectTimeoutMs,
      onRefuse: () => this.#served.delete(path),
    });
    this.#served.set(path, served);
    return served;
  }

  async *call(
    instance: Instance,
    request: unknown,
    context: RequestContext,
  ): AsyncGenerator<Annotated> {
    const { address, path, codec } = readTransport(instance);
    const callHome = await this.#listenForResponses();
    const subject = randomUUID();
    const prologue = createDeadline();
    const receiver = new ResponseReceiver({ codec, onPrologue: prologue.clear });
    const onStop = () => (context.isKilled ? undefined : receiver.stop());
    const onKill = () => receiver.kill();
    callHome.expect(subject, receiver);
    context.signal.addEventListener("abort", onStop, { once: true });
    context.killSignal.addEventListener("abort", onKill, { once: true });
    try {
      if (context.isStopped) throw new CancelledError();
      const frame = this.#encode({ path, codec, subject, port: callHome.port, request, context });
      await this.#connection(address).send(frame);
      const { prologueTimeoutMs } = this.#options;
      if (!receiver.hasPrologue) {
        prologue.start(prologueTimeoutMs, () =>
          receiver.kill(
            new DeadlineExceededError(
              `The worker did not begin to answer within ${prologueTimeoutMs} ms.`,
            ),
          ),
        );
      }
      for (;;) {
        const next = await receiver.next();
        if (next.done) return;
        yield next.value;
      }
    } finally {
      prologue.clear();
      callHome.forget(subject);
      context.signal.removeEventListener("abort", onStop);
      context.killSignal.removeEventListener("abort", onKill);
      receiver.kill();
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#served.values()].map((served) => served.close()));
    for (const connection of this.#connections.values()) connection.close();
    await (await this.#requestServer)?.close();
    await (await this.#callHome)?.close();
    this.#requestServer = null;
    this.#callHome = null;
  }

  #encode(call: {
    readonly path: string;
    readonly codec: PayloadCodec;
    readonly subject: string;
    readonly port: number;
    readonly request: unknown;
    readonly context: RequestContext;
  }): Buffer {
    const { context, codec, path } = call;
    const control = encodeControlMessage({
      id: context.id,
      isBidirectional: false,
      codec: codec.name,
      response: { host: this.#options.host, port: call.port, subject: call.subject },
      requestStream: null,
      metadata: context.metadata,
    });
    return encodeRequestFrame({
      path,
      headers: {
        "request-id": context.id,
        "x-endpoint-path": path,
        "x-frontend-send-ts-ns": `${Date.now()}000000`,
      },
      payload: encodeTwoPart(control, codec.encode(this.#options.shapeRequest(call.request))),
    });
  }

  #connection(address: string): RequestConnection {
    const known = this.#connections.get(address);
    if (known?.isUsable) return known;
    const { connectTimeoutMs, acknowledgementTimeoutMs, idleTimeoutMs } = this.#options;
    const connection = new RequestConnection({
      ...parseAddress(address),
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
    const { host, requestPort, maxPayloadBytes } = this.#options;
    this.#requestServer ??= RequestServer.listen({
      host,
      port: requestPort,
      maxPayloadBytes,
      take: (frame) => this.#take(frame),
    });
    return this.#requestServer;
  }

  #take(frame: RequestFrame): string {
    const served = this.#served.get(frame.path);
    if (served === undefined) return acknowledgements.unknownEndpoint(frame.path);
    try {
      const { header, body } = decodeTwoPart(frame.payload);
      served.run(decodeControlMessage(header), body);
      return acknowledgements.accepted;
    } catch (error) {
      // The reference acknowledges what it cannot read, and its caller waits for ever.
      if (error instanceof ProtocolError) return acknowledgements.unreadable(error.message);
      throw error;
    }
  }

  #listenForResponses(): Promise<CallHomeServer> {
    const { host, responsePort } = this.#options;
    this.#callHome ??= CallHomeServer.listen({ host, port: responsePort });
    return this.#callHome;
  }
}

function readTransport(instance: Instance): { address: string; path: string; codec: PayloadCodec } {
  const { tcp, codec: name = "json" } = instance.transport;
  const slash = tcp?.indexOf("/") ?? -1;
  if (tcp === undefined || slash < 0) {
    throw new UnavailableError(
      `Instance ${instance.instanceId.toString(16)} is not reachable over tcp: its record says ${JSON.stringify(instance.transport)}.`,
      { code: "DYN_RUNTIME_CANNOT_CONNECT" },
    );
  }
  const codec = codecs[name];
  if (codec === undefined)
    throw new ProtocolError(`The instance asks for the unknown codec ${JSON.stringify(name)}.`);
  return { address: tcp.slice(0, slash), path: tcp.slice(slash + 1), codec };
}

function createDeadline() {
  let timer: NodeJS.Timeout | null = null;
  return {
    start: (afterMs: number, action: () => void) => {
      timer = setTimeout(action, afterMs);
    },
    clear: () => {
      if (timer !== null) clearTimeout(timer);
      timer = null;
    },
  };
}
