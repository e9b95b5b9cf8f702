// One topic of one scope on a SUB socket: connected to every publisher that discovery names, and to nobody else.
import type { Subscriber } from "zeromq";
import { ProtocolError } from "../codec/protocol-error.ts";
import type { DiscoveryEvent } from "../discovery/discovery.ts";
import type { EventInbox } from "./event-inbox.ts";
import type { EventSubscription } from "./event-plane.ts";
import { createInboxSubscription } from "./inbox-subscription.ts";
import { decodeZmqFrames } from "./zmq-frames.ts";

export interface ZmqSubscriptionOptions {
  readonly socket: Subscriber;
  readonly topic: string;
  readonly inbox: EventInbox;
  /** Publishers of the topic that come and go; ends with `end`. */
  readonly channels: AsyncIterable<DiscoveryEvent>;
  readonly end: AbortController;
  readonly onProblem: (message: string, error: unknown) => void;
  readonly onClose: () => void;
}

export class ZmqSubscription {
  readonly #options: ZmqSubscriptionOptions;
  /** Registered publishers by key. */
  readonly #known = new Map<string, { readonly publisherId: bigint; readonly endpoint: string }>();
  readonly #publisherIds = new Set<bigint>();

  private constructor(options: ZmqSubscriptionOptions) {
    this.#options = options;
  }

  /** Resolves when every publisher that is registered now is being connected to. */
  static async open(options: ZmqSubscriptionOptions): Promise<EventSubscription> {
    const subscription = new ZmqSubscription(options);
    options.socket.subscribe(options.topic);
    await new Promise<void>((resolve) => {
      void Promise.all([subscription.#follow(resolve), subscription.#receive()])
        .then(
          () => subscription.#fail(undefined),
          (error) => subscription.#fail(error),
        )
        .then(resolve);
    });
    return createInboxSubscription(options.inbox, () => subscription.#fail(undefined));
  }

  #fail(error: unknown): void {
    const { end, socket, inbox, onClose } = this.#options;
    if (end.signal.aborted) return;
    end.abort();
    socket.close();
    inbox.close(error);
    onClose();
  }

  async #follow(onSynced: () => void): Promise<void> {
    for await (const event of this.#options.channels) {
      if (this.#options.end.signal.aborted) return;
      if (event.type === "synced") onSynced();
      else if (event.type === "delete") this.#remove(event.key);
      else if (event.record.type === "eventChannel") {
        const { publisherId, transport } = event.record;
        this.#remove(event.key);
        if (transport.kind === "zmq") this.#add(event.key, publisherId, transport.endpoint);
      }
    }
  }

  #add(key: string, publisherId: bigint, endpoint: string): void {
    try {
      if (!this.#isConnected(endpoint)) this.#options.socket.connect(endpoint);
    } catch (error) {
      this.#options.onProblem(`The publisher ${key} at ${endpoint} cannot be connected to.`, error);
      return;
    }
    this.#known.set(key, { publisherId, endpoint });
    this.#publisherIds.add(publisherId);
  }

  #remove(key: string): void {
    const known = this.#known.get(key);
    if (known === undefined) return;
    this.#known.delete(key);
    this.#publisherIds.delete(known.publisherId);
    this.#options.inbox.forget(known.publisherId);
    if (!this.#isConnected(known.endpoint)) this.#options.socket.disconnect(known.endpoint);
  }

  #isConnected(endpoint: string): boolean {
    return [...this.#known.values()].some((known) => known.endpoint === endpoint);
  }

  async #receive(): Promise<void> {
    const { socket, inbox, topic } = this.#options;
    for await (const frames of socket) {
      // ZMQ matches by prefix: `kv` also brings `kv-events`.
      if (frames[0]?.toString() !== topic) continue;
      try {
        const envelope = decodeZmqFrames(frames);
        if (this.#publisherIds.has(envelope.publisherId)) inbox.take(envelope);
        else inbox.reject("An event of an unregistered publisher was dropped.", null);
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error;
        inbox.reject(`A message on the topic ${topic} was dropped.`, error);
      }
    }
  }
}
