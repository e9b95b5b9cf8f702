// What routers of one endpoint, and its workers, tell each other: which requests run where, how full workers are, which
// session is bound to whom. Nothing here waits, and nothing of it is recovered when it is lost.
import {
  type ActiveSequenceEvent,
  decodeActiveSequences,
  decodeSessionBinding,
  decodeWorkerLoad,
  encodeActiveSequences,
  encodeSessionBinding,
  type SessionBinding,
  type WorkerLoad,
} from "@dyn/kv-events";
import type { EndpointId, EventPlane, EventPublisher, EventSubscription } from "@dyn/runtime";

const sequencesTopic = "active_sequences_events";
const sessionsTopic = "session_affinity_events";
const loadsTopic = "kv_metrics";

export interface RouterTopicsOptions {
  readonly plane: EventPlane;
  readonly endpoint: EndpointId;
  /** Tell others, too. */
  readonly isSharing: boolean;
  readonly hasSessions: boolean;
  readonly onLoad: (load: WorkerLoad) => void;
  readonly onSequence: (event: ActiveSequenceEvent) => void;
  readonly onSession: (binding: SessionBinding) => void;
  readonly onProblem: (message: string, error: unknown) => void;
}

/** What was heard of requests. */
export interface SequenceCounters {
  /** Messages that were read, and what they said. */
  batches: number;
  events: number;
  /** Messages that could not be read. */
  unreadable: number;
}

export class RouterTopics {
  readonly heard: SequenceCounters = { batches: 0, events: 0, unreadable: 0 };
  readonly #options: RouterTopicsOptions;
  readonly #subscriptions: EventSubscription[] = [];
  readonly #tasks: Promise<void>[] = [];
  #sequences: EventPublisher | null = null;
  #heardSequences: EventSubscription | null = null;
  #sessions: EventPublisher | null = null;
  #isClosed = false;

  constructor(options: RouterTopicsOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    const { plane, endpoint, isSharing, hasSessions, onLoad, onSequence, onSession } =
      this.#options;
    await this.#follow(loadsTopic, (payload) => onLoad(decodeWorkerLoad(payload)));
    this.#heardSequences = await this.#follow(sequencesTopic, (payload) => {
      for (const event of this.#decode(payload)) onSequence(event);
    });
    if (!isSharing) return;
    this.#sequences = await plane.createPublisher(endpoint, sequencesTopic);
    if (!hasSessions) return;
    await this.#follow(sessionsTopic, (payload) => onSession(decodeSessionBinding(payload)));
    this.#sessions = await plane.createPublisher(endpoint, sessionsTopic);
  }

  /** What came of requests; `null`: not started. */
  get sequences(): Pick<
    EventSubscription,
    "queuedCount" | "missedCount" | "droppedCount" | "rejectedCount"
  > | null {
    return this.#heardSequences;
  }

  tellSequence(event: ActiveSequenceEvent): void {
    if (this.#sequences === null) return;
    const shape = this.#options.plane.kind === "nats" ? "nats" : "zmq";
    for (const payload of encodeActiveSequences([event], shape)) this.#sequences.publish(payload);
  }

  tellSession(binding: SessionBinding): void {
    this.#sessions?.publish(encodeSessionBinding(binding));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const subscription of this.#subscriptions) subscription.close();
    await Promise.all(this.#tasks);
    await this.#sequences?.close();
    await this.#sessions?.close();
  }

  #decode(payload: Uint8Array): ActiveSequenceEvent[] {
    try {
      const events = decodeActiveSequences(payload);
      this.heard.batches += 1;
      this.heard.events += events.length;
      return events;
    } catch (error) {
      this.heard.unreadable += 1;
      throw error;
    }
  }

  async #follow(topic: string, take: (payload: Uint8Array) => void): Promise<EventSubscription> {
    const subscription = await this.#options.plane.subscribe(this.#options.endpoint, topic);
    this.#subscriptions.push(subscription);
    this.#tasks.push(this.#read(topic, subscription, take));
    return subscription;
  }

  async #read(
    topic: string,
    subscription: EventSubscription,
    take: (payload: Uint8Array) => void,
  ): Promise<void> {
    const { onProblem } = this.#options;
    try {
      for await (const { payload } of subscription) {
        try {
          take(payload);
        } catch (error) {
          onProblem(`A message of ${topic} cannot be read.`, error);
        }
      }
    } catch (error) {
      if (!this.#isClosed) onProblem(`Messages of ${topic} come no more.`, error);
    }
  }
}
