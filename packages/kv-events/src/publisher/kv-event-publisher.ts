// KV events of one data-parallel rank as SGLang publishes them: a PUB socket, and a ROUTER that sends again what
// somebody missed. ZeroMQ drops for a slow subscriber and tells nobody, so the sequence numbers and the replay matter.
import type { Publisher, Router } from "zeromq";
import { type EngineEncoding, encodeEngineBatch } from "../codec/engine/encode-engine-batch.ts";
import type { EngineEvent } from "../codec/engine/engine-event.ts";
import { decodeSequence, encodeSequence } from "../codec/engine/engine-frames.ts";
import { KvWireError } from "../codec/kv-wire-error.ts";
import { isBound, toLocalEndpoint, toRankEndpoint } from "../zmq/rank-endpoint.ts";
import { loadZmq } from "../zmq/zmq-library.ts";
import type { KvEventsConfig } from "./kv-events-config.ts";
import { ReplayBuffer } from "./replay-buffer.ts";

export interface KvEventPublisherOptions {
  readonly config: KvEventsConfig;
  readonly dpRank?: number;
  /** Default "map", as SGLang writes from 0.5.20 on. */
  readonly encoding?: EngineEncoding;
  /** Bytes kept for replay beside the number of batches. Default 256 MiB. */
  readonly maxBufferBytes?: number;
  readonly onProblem?: (message: string, error: unknown) => void;
}

export interface KvEventPublisher extends AsyncDisposable {
  /** Where to connect from this machine; `null` when nothing is published. */
  readonly endpoint: string | null;
  readonly replayEndpoint: string | null;
  /** Batches published so far, which is the next sequence number. */
  readonly sequence: number;
  /** Batches that found the queue full. A subscriber sees a gap and may ask for them. */
  readonly droppedCount: number;
  /** Batches sent again. */
  readonly replayedCount: number;
  /** Never waits; an engine's batch fits as it is. */
  publish(batch: { readonly timestamp: number; readonly events: readonly EngineEvent[] }): void;
  /** Hands the socket what waits, then closes. */
  close(): Promise<void>;
}

const endMark = -1;

/** Binds the sockets that the config names; of the publisher `null`, none. Throws UnavailableError without ZeroMQ. */
export async function createKvEventPublisher(
  options: KvEventPublisherOptions,
): Promise<KvEventPublisher> {
  return options.config.publisher === "null" ? new NullPublisher() : ZmqPublisher.open(options);
}

class NullPublisher implements KvEventPublisher {
  readonly endpoint = null;
  readonly replayEndpoint = null;
  readonly sequence = 0;
  readonly droppedCount = 0;
  readonly replayedCount = 0;
  publish(): void {}
  async close(): Promise<void> {}
  async [Symbol.asyncDispose](): Promise<void> {}
}

class ZmqPublisher implements KvEventPublisher {
  readonly endpoint: string;
  readonly replayEndpoint: string | null;
  readonly #socket: Publisher;
  readonly #router: Router | null;
  readonly #config: KvEventsConfig;
  readonly #dpRank: number;
  readonly #encoding: EngineEncoding;
  readonly #onProblem: (message: string, error: unknown) => void;
  readonly #buffer: ReplayBuffer;
  readonly #waiting: { sequence: number; payload: Uint8Array }[] = [];
  #sending: Promise<void> | null = null;
  #replaying: Promise<void> | null = null;
  #sequence = 0;
  #droppedCount = 0;
  #replayedCount = 0;
  #closed: Promise<void> | null = null;

  static async open(options: KvEventPublisherOptions): Promise<ZmqPublisher> {
    const { config, dpRank = 0 } = options;
    const zmq = await loadZmq();
    const socket = new zmq.Publisher({ sendHighWaterMark: config.highWaterMark, linger: 1000 });
    const router =
      config.replayEndpoint === null
        ? null
        : // A whole replay must fit, or a part of it would be dropped without a word.
          new zmq.Router({ sendHighWaterMark: config.bufferSteps + 1000, linger: 0 });
    try {
      const endpoint = toRankEndpoint(config.endpoint, dpRank);
      if (isBound(endpoint)) await socket.bind(endpoint);
      else socket.connect(endpoint);
      if (router !== null) await router.bind(toRankEndpoint(config.replayEndpoint!, dpRank));
      return new ZmqPublisher(options, endpoint, socket, router);
    } catch (error) {
      socket.close();
      router?.close();
      throw error;
    }
  }

  private constructor(
    options: KvEventPublisherOptions,
    endpoint: string,
    socket: Publisher,
    router: Router | null,
  ) {
    this.#config = options.config;
    this.#dpRank = options.dpRank ?? 0;
    this.#encoding = options.encoding ?? "map";
    this.#onProblem = options.onProblem ?? (() => {});
    this.#buffer = new ReplayBuffer(options.config.bufferSteps, options.maxBufferBytes ?? 2 ** 28);
    this.#socket = socket;
    this.#router = router;
    this.endpoint = toLocalEndpoint(socket.lastEndpoint ?? endpoint);
    this.replayEndpoint = router === null ? null : toLocalEndpoint(router.lastEndpoint!);
    if (router !== null) this.#replaying = this.#serveReplays(router);
  }

  get sequence(): number {
    return this.#sequence;
  }

  get droppedCount(): number {
    return this.#droppedCount;
  }

  get replayedCount(): number {
    return this.#replayedCount;
  }

  publish(batch: { readonly timestamp: number; readonly events: readonly EngineEvent[] }): void {
    if (this.#closed !== null) return;
    const { timestamp, events } = batch;
    const payload = encodeEngineBatch({ timestamp, events, dpRank: this.#dpRank }, this.#encoding);
    const message = { sequence: this.#sequence++, payload };
    this.#buffer.push(message);
    if (this.#waiting.length >= this.#config.maxQueueSize) {
      this.#droppedCount += 1;
      return;
    }
    this.#waiting.push(message);
    this.#sending ??= this.#sendAll().finally(() => {
      this.#sending = null;
    });
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    await this.#sending;
    this.#socket.close();
    this.#router?.close();
    await this.#replaying;
  }

  /** A PUB socket takes one send at a time, and never makes it wait. */
  async #sendAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      for (const { sequence, payload } of this.#waiting.splice(0)) {
        try {
          await this.#socket.send([this.#config.topic, encodeSequence(sequence), payload]);
        } catch (error) {
          this.#droppedCount += 1;
          this.#onProblem(`Batch ${sequence} of KV events could not be sent.`, error);
        }
      }
    }
  }

  async #serveReplays(router: Router): Promise<void> {
    for await (const [client, ...rest] of router) {
      try {
        await this.#replay(router, client!, rest);
      } catch (error) {
        if (router.closed) return;
        this.#onProblem("A replay of KV events was asked for in vain.", error);
      }
    }
  }

  async #replay(router: Router, client: Buffer, request: readonly Buffer[]): Promise<void> {
    const [empty, start] = request;
    if (request.length !== 2 || empty?.length !== 0 || start === undefined) {
      throw new KvWireError("A replay is asked for by an empty frame and a sequence number.");
    }
    for (const { sequence, payload } of this.#buffer.from(decodeSequence(start))) {
      await router.send([client, "", encodeSequence(sequence), payload]);
      this.#replayedCount += 1;
    }
    await router.send([client, "", encodeSequence(endMark), ""]);
  }
}
