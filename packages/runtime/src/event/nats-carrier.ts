// A publisher's messages on a NATS subject. What the server did not confirm before a connection was lost counts as dropped.
import type { NatsLink } from "../nats/nats-link.ts";
import { encodeEnvelope } from "./envelope-codec.ts";
import type { EventEnvelope } from "./event-plane.ts";
import type { EventCarrier, ReportDropped } from "./registered-publisher.ts";

/** How long a closing publisher waits for the server to confirm the rest. */
const closeTimeoutMs = 1_000;

export class NatsCarrier implements EventCarrier {
  readonly #link: NatsLink;
  readonly #subject: string;
  readonly #onDropped: ReportDropped;
  readonly #stopListening: () => void;
  /** While the connection is away. */
  readonly #waiting: Uint8Array[] = [];
  #unconfirmedCount = 0;
  #isConfirming = false;

  constructor(options: {
    readonly link: NatsLink;
    readonly subject: string;
    readonly onDropped: ReportDropped;
  }) {
    this.#link = options.link;
    this.#subject = options.subject;
    this.#onDropped = options.onDropped;
    this.#stopListening = this.#link.onChange((isConnected) => {
      if (isConnected) for (const bytes of this.#waiting.splice(0)) this.#send(bytes);
    });
  }

  get unsentCount(): number {
    return this.#waiting.length + this.#unconfirmedCount;
  }

  send(envelope: EventEnvelope): void {
    const bytes = encodeEnvelope(envelope);
    if (this.#link.isConnected) this.#send(bytes);
    else this.#waiting.push(bytes);
  }

  async close(): Promise<void> {
    this.#stopListening();
    const lost = this.#waiting.splice(0).length;
    if (lost > 0) this.#onDropped(lost, new Error("NATS was away to the end."));
    if (this.#link.isConnected && this.#unconfirmedCount > 0)
      await this.#link.flush(closeTimeoutMs);
  }

  #send(bytes: Uint8Array): void {
    try {
      this.#link.connection.publish(this.#subject, bytes);
    } catch (error) {
      // Over the server's max_payload, or closed.
      this.#onDropped(1, error);
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
      const error = await this.#link.connection.flush().then(
        () => null,
        (reason: unknown) => reason,
      );
      this.#unconfirmedCount -= count;
      if (error !== null) this.#onDropped(count, error);
    }
    this.#isConfirming = false;
  }
}
