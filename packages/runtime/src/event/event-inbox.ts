// What a subscriber on a wire has received and not yet read, with the counts of what it has not.
// Follows each publisher's numbers; a gap is counted, never repaired here.
import { Channel } from "../channel/channel.ts";
import type { EventEnvelope } from "./event-plane.ts";

export interface EventInboxOptions {
  /** Messages that wait for a slow reader before the oldest is dropped. */
  readonly capacity: number;
  readonly onProblem: (message: string, error: unknown) => void;
}

export class EventInbox implements AsyncIterable<EventEnvelope> {
  readonly #channel: Channel<EventEnvelope>;
  readonly #onProblem: (message: string, error: unknown) => void;
  /** The number that each publisher's next message should have. */
  readonly #expected = new Map<bigint, number>();
  #missedCount = 0;
  #rejectedCount = 0;

  constructor(options: EventInboxOptions) {
    this.#channel = new Channel({ capacity: options.capacity });
    this.#onProblem = options.onProblem;
  }

  get queuedCount(): number {
    return this.#channel.queuedCount;
  }

  get droppedCount(): number {
    return this.#channel.droppedCount;
  }

  get missedCount(): number {
    return this.#missedCount;
  }

  get rejectedCount(): number {
    return this.#rejectedCount;
  }

  take(envelope: EventEnvelope): void {
    const { publisherId, sequence } = envelope;
    const expected = this.#expected.get(publisherId);
    // What was sent before the first message that came is not missed: we were not there.
    if (expected !== undefined && sequence > expected) this.#missedCount += sequence - expected;
    if (expected === undefined) this.#boundPublishers();
    this.#expected.set(publisherId, sequence + 1);
    this.#channel.push(envelope);
  }

  /** Told of once; a flood of foreign messages is a number, not a flood of log lines. */
  reject(what: string, reason: unknown): void {
    this.#rejectedCount += 1;
    if (this.#rejectedCount === 1) this.#onProblem(what, reason);
  }

  /** The publisher is gone: its numbers are not awaited any more. */
  forget(publisherId: bigint): void {
    this.#expected.delete(publisherId);
  }

  close(error?: unknown): void {
    this.#channel.close(error);
  }

  [Symbol.asyncIterator](): AsyncIterator<EventEnvelope> {
    return this.#channel[Symbol.asyncIterator]();
  }

  /** Where nobody tells that publishers are gone the longest known is forgotten, at the cost of a gap unseen. */
  #boundPublishers(): void {
    if (this.#expected.size < maxPublishers) return;
    const [oldest] = this.#expected.keys();
    if (oldest !== undefined) this.#expected.delete(oldest);
  }
}

const maxPublishers = 65_536;
