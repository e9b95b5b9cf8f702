// One topic of one process on a wire: numbered, bounded, known to discovery while it lives. How a message travels is its
// carrier's affair.
import { drawU53 } from "../address/instance-id.ts";
import type { Discovery } from "../discovery/discovery.ts";
import { type EventChannelRecord, recordKey } from "../discovery/record.ts";
import type { EventEnvelope, EventPublisher } from "./event-plane.ts";

/** What takes the messages of one publisher to its subscribers. Never waits, never throws. */
export interface EventCarrier {
  /** Messages that were given to it and are not known to have left. */
  readonly unsentCount: number;
  send(envelope: EventEnvelope): void;
  /** Gives what it has a moment to leave, then ends. */
  close(): Promise<void>;
}

/** Tells of messages that are lost; the first time with words. */
export type ReportDropped = (count: number, error: unknown) => void;

export interface RegisteredPublisherOptions {
  readonly discovery: Discovery;
  readonly scope: EventChannelRecord["scope"];
  readonly topic: string;
  readonly transport: EventChannelRecord["transport"];
  /** Messages that may be unsent; the next one is dropped. */
  readonly capacity: number;
  readonly now: () => number;
  readonly onProblem: (message: string, error: unknown) => void;
  readonly onClose: (publisher: RegisteredPublisher) => void;
  readonly createCarrier: (onDropped: ReportDropped) => EventCarrier;
}

export class RegisteredPublisher implements EventPublisher {
  readonly publisherId = drawU53();
  readonly #options: RegisteredPublisherOptions;
  readonly #key: string;
  readonly #carrier: EventCarrier;
  #sequence = 0;
  #droppedCount = 0;
  #hasFailed = false;
  #closed: Promise<void> | null = null;

  private constructor(options: RegisteredPublisherOptions) {
    this.#options = options;
    this.#key = recordKey(this.#record);
    this.#carrier = options.createCarrier((count, error) => this.#dropped(count, error));
  }

  /** Throws what discovery throws; nothing stays open then. */
  static async open(options: RegisteredPublisherOptions): Promise<RegisteredPublisher> {
    const publisher = new RegisteredPublisher(options);
    try {
      await options.discovery.put(publisher.#record);
    } catch (error) {
      await publisher.#carrier.close();
      throw error;
    }
    return publisher;
  }

  get droppedCount(): number {
    return this.#droppedCount;
  }

  publish(payload: Uint8Array): void {
    if (this.#closed !== null) return;
    const { topic, capacity, now } = this.#options;
    const { publisherId } = this;
    const sequence = this.#sequence++;
    if (this.#carrier.unsentCount >= capacity) this.#droppedCount += 1;
    else this.#carrier.send({ publisherId, sequence, publishedAtMs: now(), topic, payload });
  }

  /** Out of discovery, then what waits may leave, then it ends. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  get #record(): EventChannelRecord {
    const { scope, topic, transport } = this.#options;
    return { type: "eventChannel", scope, topic, publisherId: this.publisherId, transport };
  }

  async #close(): Promise<void> {
    this.#options.onClose(this);
    await this.#options.discovery.delete(this.#key);
    await this.#carrier.close();
  }

  #dropped(count: number, error: unknown): void {
    this.#droppedCount += count;
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    const { topic, onProblem } = this.#options;
    onProblem(`An event on ${topic} could not be sent; such events are counted.`, error);
  }
}
