// One rank of one engine: its event socket followed into an index.
import {
  type ApplyOutcome,
  type BlockHasher,
  createBlockHasher,
  createKvEventSubscriber,
  type KvEventDelivery,
  type KvEventSubscriber,
  type KvIndex,
  toRouterEvents,
} from "@dyn/kv-events";

export interface EngineListenerOptions {
  readonly workerId: bigint;
  readonly dpRank: number;
  /** The engine's PUB socket. */
  readonly endpoint: string;
  readonly replayEndpoint: string | null;
  readonly blockSize: number;
  readonly index: KvIndex;
  readonly onApplied: (eventType: string, outcome: ApplyOutcome) => void;
  readonly onProblem: (message: string, error: unknown) => void;
}

/** `pending`: nothing has been heard yet. `failed`: the stream broke, and is not followed any more. */
export type ListenerStatus = "pending" | "active" | "failed";

export class EngineListener {
  readonly endpoint: string;
  readonly #options: EngineListenerOptions;
  readonly #subscriber: KvEventSubscriber;
  readonly #hasher: BlockHasher = createBlockHasher();
  readonly #following: Promise<void>;
  #status: ListenerStatus = "active";
  #nextEventId = 1;
  /** Batches of another rank than this listener's: none of its blocks. */
  foreignBatches = 0;

  /** Resolves when the socket is there; an engine that is not up yet is waited for. */
  static async open(options: EngineListenerOptions): Promise<EngineListener> {
    const { endpoint, replayEndpoint, onProblem } = options;
    const subscriber = await createKvEventSubscriber({ endpoint, replayEndpoint, onProblem });
    return new EngineListener(options, subscriber);
  }

  private constructor(options: EngineListenerOptions, subscriber: KvEventSubscriber) {
    this.#options = options;
    this.endpoint = options.endpoint;
    this.#subscriber = subscriber;
    this.#following = this.#follow();
  }

  get status(): ListenerStatus {
    return this.#status;
  }

  /** Forgets the rank. */
  async close(): Promise<void> {
    this.#subscriber.close();
    await this.#following;
    const { index, workerId, dpRank } = this.#options;
    index.removeWorker(workerId, dpRank);
  }

  async #follow(): Promise<void> {
    try {
      for await (const delivery of this.#subscriber) this.#take(delivery);
    } catch (error) {
      this.#status = "failed";
      this.#options.onProblem(`KV events of ${this.endpoint} are not followed any more.`, error);
    }
  }

  #take(delivery: KvEventDelivery): void {
    const { workerId, dpRank, blockSize, index, onApplied, onProblem } = this.#options;
    if (delivery.type === "reset") index.applyCleared(workerId, dpRank);
    const batch =
      delivery.type === "reset"
        ? { timestamp: 0, events: delivery.events, dpRank: null }
        : delivery.batch;
    const events = toRouterEvents(batch, {
      workerId,
      dpRank,
      blockSize,
      hasher: this.#hasher,
      onProblem: (message) => onProblem(message, null),
    });
    if (events.some((event) => event.dpRank !== dpRank)) {
      this.foreignBatches += 1;
      return;
    }
    for (const event of events) {
      const outcome = index.apply({ ...event, eventId: this.#nextEventId++ });
      onApplied(event.data.type, outcome);
    }
  }
}
