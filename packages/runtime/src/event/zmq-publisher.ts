// One topic of one process on a PUB socket of its own. ZMQ drops for a subscriber that is slow and tells nobody;
// what waits here behind the one send that runs is bounded, and what does not fit is dropped and counted.
import type { Publisher } from "zeromq";
import type { EventPublisher } from "./event-plane.ts";
import { encodeZmqFrames } from "./zmq-frames.ts";

export interface ZmqPublisherOptions {
  readonly socket: Publisher;
  readonly publisherId: bigint;
  readonly topic: string;
  /** Messages that may wait for the socket. */
  readonly capacity: number;
  readonly now: () => number;
  readonly onProblem: (message: string, error: unknown) => void;
  /** Takes the publisher out of discovery. */
  readonly onClose: () => Promise<void>;
}

type Frames = ReturnType<typeof encodeZmqFrames>;

export class ZmqPublisher implements EventPublisher {
  readonly publisherId: bigint;
  readonly #options: ZmqPublisherOptions;
  #waiting: Frames[] = [];
  /** What waits, and what of the batch on its way is not sent yet. */
  #unsentCount = 0;
  #sending: Promise<void> | null = null;
  #sequence = 0;
  #droppedCount = 0;
  #closed: Promise<void> | null = null;

  constructor(options: ZmqPublisherOptions) {
    this.publisherId = options.publisherId;
    this.#options = options;
  }

  get droppedCount(): number {
    return this.#droppedCount;
  }

  publish(payload: Uint8Array): void {
    if (this.#closed !== null) return;
    const { publisherId, topic, capacity, now } = this.#options;
    const sequence = this.#sequence++;
    if (this.#unsentCount >= capacity) {
      this.#droppedCount += 1;
      return;
    }
    const publishedAtMs = now();
    this.#unsentCount += 1;
    this.#waiting.push(encodeZmqFrames({ publisherId, sequence, publishedAtMs, topic, payload }));
    this.#sending ??= this.#sendAll().finally(() => {
      this.#sending = null;
    });
  }

  /** Out of discovery, then what waits is handed to the socket, then it closes. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    await this.#options.onClose();
    await this.#sending;
    this.#options.socket.close();
  }

  /** A PUB socket takes one send at a time, and never makes it wait. */
  async #sendAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      for (const frames of batch) {
        try {
          await this.#options.socket.send(frames);
        } catch (error) {
          if (this.#droppedCount === 0) {
            this.#options.onProblem("An event could not be sent; such events are counted.", error);
          }
          this.#droppedCount += 1;
        }
        this.#unsentCount -= 1;
      }
    }
  }
}
