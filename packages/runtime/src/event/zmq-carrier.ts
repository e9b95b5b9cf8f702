// A publisher's messages on a PUB socket of its own, which takes one send at a time.
import type { Publisher } from "zeromq";
import type { EventEnvelope } from "./event-plane.ts";
import type { EventCarrier, ReportDropped } from "./registered-publisher.ts";
import { encodeZmqFrames } from "./zmq-frames.ts";

export class ZmqCarrier implements EventCarrier {
  readonly #socket: Publisher;
  readonly #onDropped: ReportDropped;
  #waiting: ReturnType<typeof encodeZmqFrames>[] = [];
  #unsentCount = 0;
  #sending: Promise<void> | null = null;

  constructor(socket: Publisher, onDropped: ReportDropped) {
    this.#socket = socket;
    this.#onDropped = onDropped;
  }

  /** What waits, and what of the batch on its way is not sent yet. */
  get unsentCount(): number {
    return this.#unsentCount;
  }

  send(envelope: EventEnvelope): void {
    this.#unsentCount += 1;
    this.#waiting.push(encodeZmqFrames(envelope));
    this.#sending ??= this.#sendAll().finally(() => {
      this.#sending = null;
    });
  }

  async close(): Promise<void> {
    await this.#sending;
    this.#socket.close();
  }

  /** A PUB socket never makes a send wait for a subscriber. */
  async #sendAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      for (const frames of batch) {
        try {
          await this.#socket.send(frames);
        } catch (error) {
          this.#onDropped(1, error);
        }
        this.#unsentCount -= 1;
      }
    }
  }
}
