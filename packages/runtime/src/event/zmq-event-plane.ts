// Events over ZMQ as Dynamo 1.6.1 speaks them, without a broker: each publisher binds a socket of its own and says
// where in discovery, subscribers follow discovery. Nothing is replayed to who joins late.
import type { EndpointId } from "../address/endpoint-id.ts";
import type { Discovery } from "../discovery/discovery.ts";
import { topicPath } from "../discovery/record.ts";
import { formatAddress } from "../request/tcp/control-message.ts";
import { findOwnAddress, isLoopback } from "./advertised-host.ts";
import { EventInbox } from "./event-inbox.ts";
import type { EventPlane, EventPublisher, EventSubscription } from "./event-plane.ts";
import { RegisteredPublisher } from "./registered-publisher.ts";
import { ZmqCarrier } from "./zmq-carrier.ts";
import { loadZmq } from "./zmq-library.ts";
import { ZmqSubscription } from "./zmq-subscription.ts";

export interface ZmqEventPlaneOptions {
  readonly discovery: Discovery;
  /** What publishers tell others. Default: this machine's own address. A loopback host is bound alone, else all. */
  readonly host?: string | undefined;
  /** Messages that wait for the socket, for one slow subscriber, or for its reader. Default 100 000 each. */
  readonly capacity?: number;
  readonly now?: () => number;
  readonly onProblem?: (message: string, error: unknown) => void;
}

export class ZmqEventPlane implements EventPlane {
  readonly kind = "zmq";
  readonly #discovery: Discovery;
  readonly #host: string;
  readonly #capacity: number;
  readonly #now: () => number;
  readonly #onProblem: (message: string, error: unknown) => void;
  readonly #publishers = new Set<RegisteredPublisher>();
  readonly #subscriptions = new Set<EventSubscription>();

  constructor(options: ZmqEventPlaneOptions) {
    this.#discovery = options.discovery;
    this.#host = options.host ?? findOwnAddress();
    this.#capacity = options.capacity ?? 100_000;
    this.#now = options.now ?? Date.now;
    this.#onProblem = options.onProblem ?? (() => {});
  }

  async createPublisher(scope: EndpointId, topic: string): Promise<EventPublisher> {
    const zmq = await loadZmq();
    const isIpv6 = this.#host.includes(":");
    const socket = new zmq.Publisher({
      sendHighWaterMark: this.#capacity,
      linger: 0,
      ipv6: isIpv6,
    });
    const publisher = await RegisteredPublisher.open({
      discovery: this.#discovery,
      scope,
      topic,
      transport: { kind: "zmq", endpoint: await this.#bind(socket) },
      capacity: this.#capacity,
      now: this.#now,
      onProblem: this.#onProblem,
      onClose: (closed) => this.#publishers.delete(closed),
      createCarrier: (onDropped) => new ZmqCarrier(socket, onDropped),
    });
    this.#publishers.add(publisher);
    return publisher;
  }

  async subscribe(scope: EndpointId, topic: string): Promise<EventSubscription> {
    const zmq = await loadZmq();
    const end = new AbortController();
    const inbox = new EventInbox({ capacity: this.#capacity, onProblem: this.#onProblem });
    const subscription = await ZmqSubscription.open({
      socket: new zmq.Subscriber({ receiveHighWaterMark: this.#capacity, linger: 0, ipv6: true }),
      topic,
      inbox,
      channels: this.#discovery.watch("v1/event_channels", {
        prefix: topicPath(scope, topic),
        signal: end.signal,
      }),
      end,
      onProblem: this.#onProblem,
      onClose: () => this.#subscriptions.delete(subscription),
    });
    if (!end.signal.aborted) this.#subscriptions.add(subscription);
    return subscription;
  }

  async close(): Promise<void> {
    for (const subscription of this.#subscriptions) subscription.close();
    await Promise.all([...this.#publishers].map((publisher) => publisher.close()));
  }

  /** The address that others connect to. */
  async #bind(socket: {
    bind(address: string): Promise<void>;
    readonly lastEndpoint: string | null;
    close(): void;
  }): Promise<string> {
    const everywhere = this.#host.includes(":") ? "::" : "0.0.0.0";
    const at = isLoopback(this.#host) ? this.#host : everywhere;
    try {
      await socket.bind(`tcp://${formatAddress(at, 0).replace(/0$/, "*")}`);
    } catch (error) {
      socket.close();
      throw error;
    }
    const port = Number(socket.lastEndpoint?.slice(socket.lastEndpoint.lastIndexOf(":") + 1));
    return `tcp://${formatAddress(this.#host, port)}`;
  }
}
