// Events over NATS core as Dynamo 1.6.1 sends them: a subject per topic and scope, the bare envelope, no headers.
import type { EndpointId } from "../address/endpoint-id.ts";
import type { Discovery } from "../discovery/discovery.ts";
import { NatsLink, type NatsOptions } from "../nats/nats-link.ts";
import { decodeEnvelope } from "./envelope-codec.ts";
import { EventInbox } from "./event-inbox.ts";
import type { EventPlane, EventPublisher, EventSubscription } from "./event-plane.ts";
import { createInboxSubscription } from "./inbox-subscription.ts";
import { NatsCarrier } from "./nats-carrier.ts";
import { RegisteredPublisher } from "./registered-publisher.ts";

export interface NatsEventPlaneOptions extends NatsOptions {
  readonly discovery: Discovery;
  /** Messages that wait for the server, or for one slow subscriber. Default 100 000 each. */
  readonly capacity?: number;
  readonly now?: () => number;
}

/** How long a new subscriber waits for the server to know it. */
const subscribeTimeoutMs = 5_000;

export class NatsEventPlane implements EventPlane {
  readonly kind = "nats";
  readonly #link: NatsLink;
  readonly #discovery: Discovery;
  readonly #capacity: number;
  readonly #now: () => number;
  readonly #onProblem: (message: string, error: unknown) => void;
  readonly #publishers = new Set<RegisteredPublisher>();
  readonly #subscriptions = new Set<EventSubscription>();

  private constructor(link: NatsLink, options: NatsEventPlaneOptions) {
    this.#link = link;
    this.#discovery = options.discovery;
    this.#capacity = options.capacity ?? 100_000;
    this.#now = options.now ?? Date.now;
    this.#onProblem = options.onProblem ?? (() => {});
  }

  /** Throws UnavailableError when NATS cannot be reached. */
  static async connect(options: NatsEventPlaneOptions): Promise<NatsEventPlane> {
    return new NatsEventPlane(await NatsLink.open(options), options);
  }

  async createPublisher(scope: EndpointId, topic: string): Promise<EventPublisher> {
    const publisher = await RegisteredPublisher.open({
      discovery: this.#discovery,
      scope,
      topic,
      transport: { kind: "nats", subjectPrefix: subjectPrefix(scope) },
      capacity: this.#capacity,
      now: this.#now,
      onProblem: this.#onProblem,
      onClose: (closed) => this.#publishers.delete(closed),
      createCarrier: (onDropped) =>
        new NatsCarrier({
          link: this.#link,
          subject: `${subjectPrefix(scope)}.${topic}`,
          onDropped,
        }),
    });
    this.#publishers.add(publisher);
    return publisher;
  }

  async subscribe(scope: EndpointId, topic: string): Promise<EventSubscription> {
    const subject = `${subjectPrefix(scope)}.${topic}`;
    const inbox = new EventInbox({ capacity: this.#capacity, onProblem: this.#onProblem });
    const wire = this.#link.connection.subscribe(subject, {
      callback: (error, message) => {
        if (error) inbox.reject(`The subscription of ${subject} is refused.`, error);
        else receive(inbox, topic, message.data);
      },
    });
    const subscription = createInboxSubscription(inbox, () => {
      this.#subscriptions.delete(subscription);
      wire.unsubscribe();
    });
    this.#subscriptions.add(subscription);
    // What is published from now on reaches this subscriber; without a connection that is so from its return on.
    if (!(await this.#link.flush(subscribeTimeoutMs))) {
      this.#onProblem(`NATS did not confirm the subscription of ${subject} yet.`, null);
    }
    return subscription;
  }

  async close(): Promise<void> {
    for (const subscription of this.#subscriptions) subscription.close();
    await Promise.all([...this.#publishers].map((publisher) => publisher.close()));
    await this.#link.close();
  }
}

function receive(inbox: EventInbox, topic: string, bytes: Uint8Array): void {
  try {
    const envelope = decodeEnvelope(bytes);
    if (envelope.topic === topic) inbox.take(envelope);
    else inbox.reject(`An event on ${topic} names the topic ${envelope.topic}.`, null);
  } catch (error) {
    inbox.reject(`A message on the topic ${topic} was dropped.`, error);
  }
}

function subjectPrefix(scope: EndpointId): string {
  return `namespace.${scope.namespace}.component.${scope.component}.endpoint.${scope.endpoint}`;
}
