import type { EndpointId } from "../address/endpoint-id.ts";

export interface EventEnvelope {
  readonly publisherId: bigint;
  /** From 0 per publisher, one more per message: gaps are losses. */
  readonly sequence: number;
  /** Unix milliseconds. */
  readonly publishedAtMs: number;
  readonly topic: string;
  readonly payload: Uint8Array;
}

export interface EventPublisher {
  readonly publisherId: bigint;
  /** Messages that this process could not hand on; subscribers see them as gaps. */
  readonly droppedCount: number;
  /** Never waits for a subscriber: what nobody can take is dropped. The payload is not changed afterwards. */
  publish(payload: Uint8Array): void;
  close(): Promise<void>;
}

export interface EventSubscription extends AsyncIterable<EventEnvelope> {
  /** Messages that have come and were not read yet. */
  readonly queuedCount: number;
  /** Messages that this subscriber was too slow for. */
  readonly droppedCount: number;
  /** Messages that a publisher numbered behind one that came, and that did not come themselves. */
  readonly missedCount: number;
  /** Messages that came and were no event of this topic. */
  readonly rejectedCount: number;
  close(): void;
}

/** Many-to-many messages by topic, scoped to an endpoint. At most once; late joiners see what comes after. */
export interface EventPlane {
  readonly kind: string;
  createPublisher(scope: EndpointId, topic: string): Promise<EventPublisher>;
  subscribe(scope: EndpointId, topic: string): Promise<EventSubscription>;
  close(): Promise<void>;
}
