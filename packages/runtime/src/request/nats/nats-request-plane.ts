// Requests over NATS as Dynamo 1.6.1 sends them. Only the way to the worker differs from the TCP plane: a subject
// instead of a connection, an empty reply instead of an acknowledgement frame. Answers come by a call home over TCP.
import { requestToWire, UnavailableError } from "@dyn/protocol";
import type { Msg, MsgHdrs } from "@nats-io/transport-node";
import type { EndpointId } from "../../address/endpoint-id.ts";
import { ProtocolError } from "../../codec/protocol-error.ts";
import { decodeTwoPart } from "../../codec/two-part-message.ts";
import type { Instance } from "../../discovery/record.ts";
import { NatsLink, type NatsOptions } from "../../nats/nats-link.ts";
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
import { acknowledgements } from "../tcp/acknowledgement.ts";
import { callAndReceive } from "../tcp/call-and-receive.ts";
import { CallHomeServer } from "../tcp/call-home-server.ts";
import { decodeControlMessage } from "../tcp/control-message.ts";
import { listenHost } from "../tcp/listen-host.ts";
import {
  codecOfInstance,
  encodeRequestPayload,
  muxOfferTo,
  payloadCodecs,
} from "../tcp/request-payload.ts";
import type { SocketSecurity } from "../tcp/socket-security.ts";
import { TcpServedRequests } from "../tcp/tcp-served-requests.ts";
import { readTraceContext } from "../trace-context.ts";
import { requestAcknowledgement } from "./nats-acknowledgement.ts";
import { type MicroEndpoint, NatsMicroService } from "./nats-micro-service.ts";

export interface NatsRequestPlaneOptions extends NatsOptions {
  /** Where this process listens for answers and what it tells workers. Default 127.0.0.1, any free port. */
  readonly host?: string;
  readonly responsePort?: number;
  /** TLS of the connections for answers; default plain. */
  readonly security?: SocketSecurity | null;
  /** A worker's: to the caller's response address. Default 3 000 ms. */
  readonly dialTimeoutMs?: number;
  /** Also bounds the wait for a server that is away. Default 10 000 ms. */
  readonly acknowledgementTimeoutMs?: number;
  readonly prologueTimeoutMs?: number;
  /** As the TCP plane's. */
  readonly peerTimeoutMs?: number;
  /** What callers have to use for this process's endpoints. Default msgpack. */
  readonly codec?: "json" | "msgpack";
  /** Marks what the codec cannot tell by itself, such as the width of floats. */
  readonly shapeRequest?: (request: unknown) => unknown;
  /** Answers between processes that both can go over one connection per pair. Default true. */
  readonly responseMux?: boolean;
}

const queueGroup = "q";
/** How long a new endpoint waits for the server to know it. */
const subscribeTimeoutMs = 5_000;

export class NatsRequestPlane implements RequestPlane {
  readonly kind = "nats";
  readonly #link: NatsLink;
  readonly #options: NatsRequestPlaneOptions;
  readonly #served = new Set<TcpServedRequests>();
  readonly #services = new Map<string, NatsMicroService>();
  readonly #mux: MuxDialer | null;
  #callHome: Promise<CallHomeServer> | null = null;

  private constructor(link: NatsLink, options: NatsRequestPlaneOptions) {
    this.#link = link;
    this.#options = options;
    const { responseMux = true, security = null, onProblem = () => {} } = options;
    this.#mux = responseMux ? new MuxDialer({ security, onProblem }) : null;
  }

  /** Throws UnavailableError when NATS cannot be reached. */
  static async connect(options: NatsRequestPlaneOptions): Promise<NatsRequestPlane> {
    return new NatsRequestPlane(await NatsLink.open(options), options);
  }

  async serve(
    id: EndpointId,
    instanceId: bigint,
    handler: RequestHandler,
    { admission, input, items, observer }: ServeSettings = {},
  ): Promise<ServedRequests> {
    const { codec = "msgpack", dialTimeoutMs = 3_000, onProblem } = this.#options;
    const subject = requestSubject(id, instanceId);
    const service = this.#service(id, instanceId);
    const counter = { requestCount: 0 };
    let isRefusing = false;
    const wire = this.#link.connection.subscribe(subject, {
      queue: queueGroup,
      callback: (error, message) => {
        if (error) onProblem?.(`Requests on ${subject} are refused by the server.`, error);
        else {
          counter.requestCount += 1;
          message.respond(
            isRefusing ? acknowledgements.unknownEndpoint(subject) : take(served, message),
          );
        }
      },
    });
    const endpoint: MicroEndpoint = {
      name: `${id.endpoint}-${instanceId.toString(16)}`,
      subject,
      queueGroup,
      get requestCount() {
        return counter.requestCount;
      },
    };
    const served = new TcpServedRequests({
      transport: {
        nats_tcp: subject,
        codec,
        ...(this.#mux === null ? {} : { responseMux: String(muxVersion) }),
      },
      mux: this.#mux,
      handler,
      admission,
      observer,
      input,
      items,
      codecs: payloadCodecs,
      connectTimeoutMs: dialTimeoutMs,
      security: this.#options.security ?? null,
      onRefuse: () => {
        if (isRefusing) return;
        isRefusing = true;
        this.#served.delete(served);
        service.delete(endpoint);
        // What the server has sent already is still answered, with a refusal.
        wire
          .drain()
          .catch((error) => onProblem?.(`The end of ${subject} is not confirmed.`, error));
      },
    });
    this.#served.add(served);
    service.add(endpoint);
    if (!(await this.#link.flush(subscribeTimeoutMs))) {
      onProblem?.(`NATS did not confirm the subscription of ${subject} yet.`, null);
    }
    return served;
  }

  call(
    instance: Instance,
    request: unknown,
    context: RequestContext,
    { withdrawn, input }: CallSettings = {},
  ): AsyncGenerator<Annotated> {
    const subject = readSubject(instance);
    const codec = codecOfInstance(instance);
    const {
      host = "127.0.0.1",
      acknowledgementTimeoutMs = 10_000,
      prologueTimeoutMs = 300_000,
      shapeRequest = requestToWire,
    } = this.#options;
    return callAndReceive({
      listen: () => this.#listenForResponses(host),
      codec,
      context,
      instanceId: instance.instanceId,
      prologueTimeoutMs,
      withdrawn,
      items: input === "many" ? (request as AsyncIterable<unknown>) : undefined,
      send: async (subjects, callHome) => {
        const home = { host, port: callHome.port };
        await requestAcknowledgement(this.#link, {
          subject,
          headers: requestHeaders(context, this.#link),
          payload: encodeRequestPayload({
            codec,
            response: { ...home, subject: subjects.response },
            requestStream:
              subjects.request === null ? null : { ...home, subject: subjects.request },
            context,
            body: input === "many" ? null : shapeRequest(request),
            mux: this.#mux === null ? undefined : muxOfferTo(instance, callHome.muxOffer),
          }),
          timeoutMs: acknowledgementTimeoutMs,
        });
        return undefined;
      },
    });
  }

  async close(): Promise<void> {
    await Promise.all([...this.#served].map((served) => served.close()));
    for (const service of this.#services.values()) service.close();
    this.#services.clear();
    await this.#mux?.close();
    await (await this.#callHome)?.close();
    this.#callHome = null;
    await this.#link.close();
  }

  /** One micro service per component. */
  #service(id: EndpointId, instanceId: bigint): NatsMicroService {
    const name = `${id.namespace}_${id.component}`;
    let service = this.#services.get(name);
    if (service === undefined) {
      service = new NatsMicroService(this.#link.connection, name, instanceId.toString(16));
      this.#services.set(name, service);
    }
    return service;
  }

  #listenForResponses(host: string): Promise<CallHomeServer> {
    const { peerTimeoutMs } = this.#options;
    this.#callHome ??= CallHomeServer.listen({
      host: listenHost(host),
      port: this.#options.responsePort ?? 0,
      security: this.#options.security ?? null,
      ...(peerTimeoutMs === undefined ? {} : { peerTimeoutMs }),
    });
    return this.#callHome;
  }
}

/** Begins the request, or says why not; empty = begun. */
function take(served: TcpServedRequests, message: Msg): string {
  try {
    const { header, body } = decodeTwoPart(Buffer.from(message.data));
    const trace = readTraceContext({
      traceparent: message.headers?.get("traceparent"),
      tracestate: message.headers?.get("tracestate"),
    });
    return served.run(decodeControlMessage(header), body, trace);
  } catch (error) {
    if (error instanceof ProtocolError) return acknowledgements.unreadable(error.message);
    throw error;
  }
}

export function requestSubject(id: EndpointId, instanceId: bigint): string {
  return `${id.namespace}_${id.component}.${id.endpoint}-${instanceId.toString(16)}`;
}

function requestHeaders(context: RequestContext, { library }: NatsLink): MsgHdrs {
  const sent = library.headers();
  sent.set("x-frontend-send-ts-ns", `${Date.now()}000000`);
  sent.set("request-id", context.id);
  for (const [name, value] of Object.entries(context.trace ?? {})) sent.set(name, value);
  return sent;
}

function readSubject(instance: Instance): string {
  const { nats_tcp: subject } = instance.transport;
  if (subject === undefined) {
    throw new UnavailableError(
      `Instance ${instance.instanceId.toString(16)} is not reachable over nats: its record says ${JSON.stringify(instance.transport)}.`,
      { code: "DYN_RUNTIME_CANNOT_CONNECT" },
    );
  }
  return subject;
}
