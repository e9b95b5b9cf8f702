// Follows one engine's KV events and gives them in order, each once. A jump in the sequence numbers is filled from the
// engine's replay socket; what cannot be filled, and a publisher that is a new one, makes the reader start over. The
// reader's pace is the stream's: what it does not take waits in ZeroMQ, and what ZeroMQ then drops is a gap again.
import type { Subscriber } from "zeromq";
import { type DecodedEngineBatch, decodeEngineBatch } from "../codec/engine/decode-engine-batch.ts";
import { decodeEngineFrames } from "../codec/engine/engine-frames.ts";
import { KvWireError } from "../codec/kv-wire-error.ts";
import { loadZmq } from "../zmq/zmq-library.ts";
import { requestReplay } from "./replay-client.ts";
import { type SubscriberCounters, zeroCounters } from "./subscriber-counters.ts";

export interface KvEventSubscriberOptions {
  /** The engine's PUB socket. */
  readonly endpoint: string;
  /** Bind and let the engine connect, as SGLang does with an endpoint without a wildcard. Default false. */
  readonly bind?: boolean;
  /** The engine's replay socket, if it has one. */
  readonly replayEndpoint?: string | null;
  /** Prefix of topics; the default takes all. */
  readonly topic?: string;
  /** Messages that wait for the reader. Default 100 000. */
  readonly capacity?: number;
  /** Longest silence of the replay socket. Default 5 s. */
  readonly replayTimeoutMs?: number;
  /** A picture of the cache from elsewhere, asked for when batches are lost; `null` = there is none. */
  readonly snapshot?: (reason: ResetReason) => Promise<DecodedEngineBatch["events"] | null>;
  readonly onProblem?: (message: string, error: unknown) => void;
}

/** Batches are lost for good, or the engine began anew. */
export type ResetReason = "gap" | "epoch";

export type KvEventDelivery =
  | {
      readonly type: "batch";
      readonly sequence: number;
      readonly batch: DecodedEngineBatch;
      readonly isReplayed: boolean;
    }
  /** Forget everything about this rank; then apply `events`, which are the snapshot's or none. */
  | {
      readonly type: "reset";
      readonly reason: ResetReason;
      readonly events: DecodedEngineBatch["events"];
    };

/** One reader at a time: `for await (const delivery of subscriber)`. Ends when it is closed. */
export interface KvEventSubscriber extends AsyncIterable<KvEventDelivery>, Disposable {
  readonly endpoint: string;
  readonly counters: Readonly<SubscriberCounters>;
  close(): void;
}

/** An endless iterable of deliveries; a `reset` among them says to forget what was known. Throws UnavailableError without ZeroMQ. */
export async function createKvEventSubscriber(
  options: KvEventSubscriberOptions,
): Promise<KvEventSubscriber> {
  const zmq = await loadZmq();
  const socket = new zmq.Subscriber({
    receiveHighWaterMark: options.capacity ?? 100_000,
    linger: 0,
  });
  // It listens for its connections before there is one: what was connected before that, nobody would hear of.
  const subscriber = new ZmqSubscriber(socket, options);
  try {
    await subscriber.open();
  } catch (error) {
    subscriber.close();
    throw error;
  }
  return subscriber;
}

/** What identifies the publisher's last batch: a new publisher has another one under the same number. */
interface Cursor {
  /** The number that comes next. */
  next: number;
  /** Of the batch before; `null` before the first one. */
  timestamp: number | null;
}

class ZmqSubscriber implements KvEventSubscriber {
  readonly #socket: Subscriber;
  readonly #options: KvEventSubscriberOptions;
  readonly #counters = zeroCounters();
  readonly #end = new AbortController();
  readonly #cursor: Cursor = { next: 0, timestamp: null };
  #endpoint: string;
  /** The connection came back: who is at the other end now may be new. */
  #isUnsure = false;
  /** A read that is under way outlasts a reader that leaves: a socket has one at a time. */
  #reading: Promise<IteratorResult<Buffer[], undefined>> | null = null;
  /** Since it was last looked who is there. */
  #isConnected = false;
  /** Ends the wait for a message, to look. */
  #wake: (() => void) | null = null;

  constructor(socket: Subscriber, options: KvEventSubscriberOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#endpoint = options.endpoint;
    socket.events.on("disconnect", () => {
      this.#isUnsure = true;
    });
    socket.events.on("connect", () => {
      this.#isConnected = true;
      this.#wake?.();
    });
  }

  async open(): Promise<void> {
    const { topic = "", bind, endpoint } = this.#options;
    this.#socket.subscribe(topic);
    if (bind) {
      await this.#socket.bind(endpoint);
      this.#endpoint = this.#socket.lastEndpoint ?? endpoint;
    } else {
      this.#socket.connect(endpoint);
    }
  }

  get endpoint(): string {
    return this.#endpoint;
  }

  get counters(): Readonly<SubscriberCounters> {
    return this.#counters;
  }

  close(): void {
    if (this.#end.signal.aborted) return;
    this.#end.abort();
    this.#socket.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async *[Symbol.asyncIterator](): AsyncIterator<KvEventDelivery> {
    while (!this.#end.signal.aborted) {
      const frames = await this.#nextFrames();
      if (frames === "closed") return;
      if (frames === "connected") {
        yield* this.#lookAgain();
        continue;
      }
      const message = this.#read(() => decodeEngineFrames(frames));
      if (message === null) continue;
      const batch = this.#read(() => decodeEngineBatch(message.payload));
      if (batch !== null) yield* this.#take(message.sequence, batch);
    }
  }

  /** `connected`: to the engine, or to one that took its place. */
  #nextFrames(): Promise<Buffer[] | "closed" | "connected"> {
    this.#reading ??= this.#socket[Symbol.asyncIterator]().next();
    const reading = this.#reading;
    return new Promise((resolve, reject) => {
      let isOver = false;
      // Left to the next wait when this one is over.
      const end = (then: () => void) => {
        if (isOver) return;
        isOver = true;
        then();
      };
      this.#wake = () => {
        if (!this.#isConnected) return;
        end(() => {
          this.#isConnected = false;
          resolve("connected");
        });
      };
      const take = (then: () => void) =>
        end(() => {
          this.#reading = null;
          then();
        });
      reading.then(
        ({ done, value }) => take(() => resolve(done ? "closed" : value)),
        (error) => take(() => reject(error)),
      );
      this.#wake();
    });
  }

  /**
   * An engine that was started again has nothing of what the old one had, and says nothing before it is used: it is asked
   * for the last batch, which only the old one can have. One that nothing was heard of yet may have cached for long and be
   * silent now: it is asked for all that it keeps.
   */
  async *#lookAgain(): AsyncGenerator<KvEventDelivery> {
    const cursor = this.#cursor;
    if (!this.#options.replayEndpoint) return;
    if (cursor.timestamp === null) {
      yield* this.#replay(0, 0);
      return;
    }
    if (!this.#isUnsure) return;
    const verdict = yield* this.#replay(cursor.next - 1, cursor.next);
    if (verdict === "no answer") return;
    this.#isUnsure = false;
    if (verdict === "done") return;
    yield* this.#beginAnew();
    yield* this.#replay(0, 0);
  }

  async *#take(sequence: number, batch: DecodedEngineBatch): AsyncGenerator<KvEventDelivery> {
    const cursor = this.#cursor;
    if (sequence < cursor.next) {
      const isOld = cursor.timestamp !== null && batch.timestamp <= cursor.timestamp;
      if (isOld) {
        this.#counters.duplicates += 1;
        return;
      }
      yield* this.#beginAnew();
    }
    if (sequence > cursor.next || this.#isUnsure) yield* this.#catchUp(sequence);
    // The replay may have brought this one too.
    if (sequence < cursor.next) return;
    yield this.#deliver(sequence, batch, false);
  }

  /** Gives what lies between the cursor and the live message, as far as the engine still has it. */
  async *#catchUp(until: number): AsyncGenerator<KvEventDelivery> {
    const cursor = this.#cursor;
    const isFirst = cursor.timestamp === null;
    const isGap = until > cursor.next;
    if (isGap && !isFirst) this.#counters.gaps += 1;
    this.#isUnsure = false;
    // The last batch is asked for once more: only the same publisher has the same one.
    let wanted = isFirst ? cursor.next : cursor.next - 1;
    for (let round = 0; round < 2; round++) {
      const verdict = yield* this.#replay(wanted, until);
      if (verdict !== "other publisher") break;
      yield* this.#beginAnew();
      wanted = 0;
    }
    if (cursor.next >= until) return;
    // Before the first message the engine may have lived for long: that is no loss, but not known either.
    this.#counters.missed += until - cursor.next;
    yield* this.#reset("gap");
    cursor.next = until;
  }

  async *#replay(
    from: number,
    until: number,
  ): AsyncGenerator<KvEventDelivery, "done" | "nothing" | "other publisher" | "no answer"> {
    const { replayEndpoint, replayTimeoutMs = 5000, onProblem } = this.#options;
    const cursor = this.#cursor;
    if (!replayEndpoint) return "no answer";
    let isEmpty = true;
    try {
      const replay = requestReplay(replayEndpoint, from, replayTimeoutMs, this.#end.signal);
      for await (const { sequence, payload } of replay) {
        isEmpty = false;
        const batch = this.#read(() => decodeEngineBatch(payload));
        if (sequence < cursor.next) {
          const isKnown = batch === null || batch.timestamp === cursor.timestamp;
          if (sequence === cursor.next - 1 && !isKnown) return "other publisher";
          continue;
        }
        // The buffer begins behind what is missing: what it has only makes sense after a fresh start.
        if (sequence > cursor.next) {
          this.#counters.missed += sequence - cursor.next;
          yield* this.#reset("gap");
        }
        if (batch === null) cursor.next = sequence + 1;
        else yield this.#deliver(sequence, batch, true);
      }
    } catch (error) {
      if (!this.#end.signal.aborted) {
        onProblem?.(`Batches ${from} to ${until} of ${this.endpoint} cannot be replayed.`, error);
      }
      return "no answer";
    }
    return isEmpty ? "nothing" : "done";
  }

  #deliver(sequence: number, batch: DecodedEngineBatch, isReplayed: boolean): KvEventDelivery {
    this.#cursor.next = sequence + 1;
    this.#cursor.timestamp = batch.timestamp;
    this.#counters.delivered += 1;
    if (isReplayed) this.#counters.replayed += 1;
    this.#counters.oddEvents += batch.unknownCount + batch.malformedCount;
    return { type: "batch", sequence, batch, isReplayed };
  }

  async *#beginAnew(): AsyncGenerator<KvEventDelivery> {
    this.#counters.epochs += 1;
    // Before it is told: a reader that leaves here must not hear of it again.
    this.#cursor.next = 0;
    this.#cursor.timestamp = null;
    yield* this.#reset("epoch");
  }

  async *#reset(reason: ResetReason): AsyncGenerator<KvEventDelivery> {
    this.#counters.resets += 1;
    let events: DecodedEngineBatch["events"] | null | undefined = null;
    try {
      events = await this.#options.snapshot?.(reason);
    } catch (error) {
      this.#options.onProblem?.(`The snapshot for ${this.endpoint} cannot be had.`, error);
    }
    yield { type: "reset", reason, events: events ?? [] };
  }

  #read<T>(decode: () => T): T | null {
    try {
      return decode();
    } catch (error) {
      if (!(error instanceof KvWireError)) throw error;
      this.#counters.unreadable += 1;
      this.#options.onProblem?.(`A message of ${this.endpoint} was left out.`, error);
      return null;
    }
  }
}
