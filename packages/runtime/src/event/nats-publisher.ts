// One topic of one process over NATS. What waits for the server, sent or unsent, is bounded: beyond it, and what the
// server did not confirm before a connection was lost, counts as dropped.
import type { NatsLink } from "../nats/nats-link.ts";
import { encodeEnvelope } from "./envelope-codec.ts";
import type { EventPublisher } from "./event-plane.ts";

export interface NatsPublisherOptions {
  readonly link: NatsLink;
  readonly subject: string;
  readonly publisherId: bigint;
  readonly topic: string;
  readonly capacity: number;
  readonly now: () => number;
  readonly onProblem: (message: string, error: unknown) => void;
  /** Takes the publisher out of discovery. */
  readonly onClose: () => Promise<void>;
}

/** How long a closing publisher waits for the server to confirm the rest. */
const closeTimeoutMs = 1_000;

export class NatsPublisher implements EventPublisher {
  readonly publisherId: bigint;
  readonly #options: NatsPublisherOptions;
  readonly #stopListening: () => void;
  /** While the connection is away. */
  #waiting: Uint8Array[] = [];
  #unconfirmedCount = 0;
  #isConfirming = false;
  #sequence = 0;
  #droppedCount = 0;
  #hasFailed = false;
  #closed: Promise<void> | null = null;

  constructor(options: NatsPublisherOptions) {
    this.publisherId = options.publisherId;
    this.#options = options;
    this.#stopListening = options.link.onChange((isConnected) => {
      if (isConnected) for (const bytes of this.#waiting.splice(0)) this.#send(bytes);
    });
  }

  get droppedCount(): number {
    return this.#droppedCount;
  }

  publish(payload: Uint8Array): void {
    if (this.#closed !== null) return;
    const { publisherId, topic, capacity, now, link } = this.#options;
    const sequence = this.#sequence++;
    if (this.#waiting.length + this.#unconfirmedCount >= capacity) {
      this.#droppedCount += 1;
      return;
    }
    const bytes = encodeEnvelope({ publisherId, sequence, publishedAtMs: now(), topic, payload });
    if (link.isConnected) this.#send(bytes);
    else this.#waiting.push(bytes);
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    const { link, onClose } = this.#options;
    this.#stopListening();
    this.#droppedCount += this.#waiting.splice(0).length;
    await onClose();
    if (link.isConnected && this.#unconfirmedCount > 0) await link.flush(closeTimeoutMs);
  }

  #send(bytes: Uint8Array): void {
    const { link, subject, onProblem } = this.#options;
    try {
      link.connection.publish(subject, bytes);
    } catch (error) {
      // Over the server's max_payload, or closed.
      this.#droppedCount += 1;
      if (!this.#hasFailed) onProblem(`An event on ${subject} could not be sent.`, error);
      this.#hasFailed = true;
      return;
    }
    this.#unconfirmedCount += 1;
    if (!this.#isConfirming) void this.#confirm();
  }

  /** One round trip at a time; never throws. */
  async #confirm(): Promise<void> {
    this.#isConfirming = true;
    while (this.#unconfirmedCount > 0) {
      const count = this.#unconfirmedCount;
      const isConfirmed = await this.#options.link.connection.flush().then(
        () => true,
        () => false,
      );
      this.#unconfirmedCount -= count;
      if (!isConfirmed) this.#droppedCount += count;
    }
    this.#isConfirming = false;
  }
}
