// Events between runtimes of one process.

import { type EndpointId, endpointPath } from "../address/endpoint-id.ts";
import { drawU53 } from "../address/instance-id.ts";
import { Channel } from "../channel/channel.ts";
import type {
  EventEnvelope,
  EventPlane,
  EventPublisher,
  EventSubscription,
} from "./event-plane.ts";

/** Subscribers by scope and topic, of all runtimes of one process. */
export class MemTopics {
  readonly #subscribers = new Map<string, Set<Channel<EventEnvelope>>>();

  publish(key: string, envelope: EventEnvelope): void {
    for (const channel of this.#subscribers.get(key) ?? []) channel.push(envelope);
  }

  add(key: string, channel: Channel<EventEnvelope>): () => void {
    const channels = this.#subscribers.get(key) ?? new Set();
    this.#subscribers.set(key, channels.add(channel));
    return () => {
      channels.delete(channel);
      if (channels.size === 0) this.#subscribers.delete(key);
    };
  }
}

export class MemEventPlane implements EventPlane {
  readonly kind = "mem";
  readonly #topics: MemTopics;
  readonly #capacity: number;
  readonly #open = new Set<{ close(): void }>();

  /** `capacity`: messages that wait for one slow subscriber before the oldest is dropped. */
  constructor(options: { readonly topics: MemTopics; readonly capacity?: number }) {
    this.#topics = options.topics;
    this.#capacity = options.capacity ?? 100_000;
  }

  async createPublisher(scope: EndpointId, topic: string): Promise<EventPublisher> {
    const key = topicKey(scope, topic);
    const publisherId = drawU53();
    let sequence = 0;
    let closed = false;
    return {
      publisherId,
      droppedCount: 0,
      publish: (payload) => {
        if (closed) return;
        const publishedAtMs = Date.now();
        this.#topics.publish(key, { publisherId, sequence, publishedAtMs, topic, payload });
        sequence += 1;
      },
      close: async () => {
        closed = true;
      },
    };
  }

  async subscribe(scope: EndpointId, topic: string): Promise<EventSubscription> {
    const channel = new Channel<EventEnvelope>({ capacity: this.#capacity });
    const remove = this.#topics.add(topicKey(scope, topic), channel);
    const subscription: EventSubscription = {
      get queuedCount() {
        return channel.queuedCount;
      },
      get droppedCount() {
        return channel.droppedCount;
      },
      missedCount: 0,
      rejectedCount: 0,
      close: () => {
        remove();
        this.#open.delete(subscription);
        channel.close();
      },
      [Symbol.asyncIterator]: () => channel[Symbol.asyncIterator](),
    };
    this.#open.add(subscription);
    return subscription;
  }

  async close(): Promise<void> {
    for (const subscription of this.#open) subscription.close();
  }
}

function topicKey(scope: EndpointId, topic: string): string {
  return `${endpointPath(scope)}/topic/${topic}`;
}
