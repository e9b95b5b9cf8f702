// One rank of an engine on the event plane: its events numbered and published, its blocks in a local index, and both
// announced, so that routers know whose they are and whom to ask. What is told comes from outside: `publish` for an
// engine in this process, `follow` for one behind a socket.
import {
  type BlockHasher,
  createBlockHasher,
  type EngineEvent,
  encodeRouterEvents,
  type KvEventSubscriber,
  type RouterEvent,
  toRouterEvents,
} from "@dyn/kv-events";
import {
  type DistributedRuntime,
  type EndpointId,
  type EventPublisher,
  type EventSourceRecord,
  parseEndpointId,
  recordKey,
  type ServedEndpoint,
} from "@dyn/runtime";
import { LocalIndex } from "../recovery/local-index.ts";
import { createQueryHandler } from "../recovery/query-handler.ts";
import { ProblemLog } from "./problem-log.ts";
import { type RelayCounters, zeroRelayCounters } from "./relay-counters.ts";

const topic = "kv-events";
const defaultMaxIndexBytes = 2 ** 30;

export interface KvRelayOptions {
  readonly runtime: DistributedRuntime;
  /** Where the worker serves: dyn://namespace.component.endpoint. */
  readonly endpoint: string | EndpointId;
  /** Tokens in a block; blocks of another size are left out. */
  readonly blockSize: number;
  /** Data-parallel rank. Default 0. */
  readonly dpRank?: number;
  /** Whose blocks these are. Default this process; a node of a larger worker names its leader. */
  readonly workerId?: bigint;
  /** The endpoint whose routers own the events. Default `endpoint`. */
  readonly kvStateEndpoint?: string | EndpointId | undefined;
  /** Off: routers have live events alone, and after a loss begin at nothing. Default on. */
  readonly enableLocalIndexer?: boolean;
  /** Bound of the local index, at 70 bytes a block; beyond it the oldest blocks are not told of any more. Default 1 GiB. */
  readonly maxIndexBytes?: number;
  /** Each message once. */
  readonly onProblem?: (message: string, error: unknown) => void;
}

/** What an engine said in one step; an engine's own batch fits as it is. */
export interface RelayedBatch {
  /** Unix time in seconds. */
  readonly timestamp: number;
  readonly events: readonly EngineEvent[];
  /** None: the relay's. Batches of another rank are left out, since routers refuse them. */
  readonly dpRank?: number | null;
}

/** Made by `KvRelay.open`. `close` lets routers drop the rank's blocks before its events stop. */
export class KvRelay implements AsyncDisposable {
  readonly publisherId: bigint;
  readonly #options: KvRelayOptions;
  readonly #publisher: EventPublisher;
  readonly #index: LocalIndex | null;
  readonly #where: { readonly workerId: bigint; readonly dpRank: number };
  readonly #hasher: BlockHasher = createBlockHasher();
  readonly #problems: ProblemLog;
  readonly #counters = zeroRelayCounters();
  /** Of this turn of the event loop: publishing waits for its end, answers go first. */
  #waiting: RelayedBatch[] = [];
  #turn: NodeJS.Immediate | null = null;
  #nextEventId = 1;
  #query: ServedEndpoint | null = null;
  #sourceKey: string | null = null;
  readonly #followed = new Set<KvEventSubscriber>();
  #closed: Promise<void> | null = null;

  /** Resolves when the rank is announced. */
  static async open(options: KvRelayOptions): Promise<KvRelay> {
    const { runtime } = options;
    const scope = toEndpointId(options.kvStateEndpoint ?? options.endpoint);
    const publisher = await runtime.planes.eventPlane.createPublisher(scope, topic);
    const relay = new KvRelay(options, publisher);
    try {
      await relay.#announce(scope);
    } catch (error) {
      await relay.close();
      throw error;
    }
    return relay;
  }

  private constructor(options: KvRelayOptions, publisher: EventPublisher) {
    const { runtime, workerId = runtime.instanceId, dpRank = 0 } = options;
    const { enableLocalIndexer = true, maxIndexBytes: maxBytes = defaultMaxIndexBytes } = options;
    this.#options = options;
    this.#publisher = publisher;
    this.publisherId = publisher.publisherId;
    this.#where = { workerId, dpRank };
    this.#index = enableLocalIndexer ? new LocalIndex({ workerId, dpRank, maxBytes }) : null;
    this.#problems = new ProblemLog(options.onProblem);
  }

  get counters(): Readonly<RelayCounters> {
    return this.#counters;
  }

  /** Blocks that the local index holds; 0 without one. */
  get blockCount(): number {
    return this.#index?.blockCount ?? 0;
  }

  /** Everything that is held, as a router that joins is told it; empty without a local index. */
  dump(): RouterEvent[] {
    this.#flush();
    return this.#index?.dump() ?? [];
  }

  /** Never waits: the batch leaves at the end of this turn of the event loop. It must not be changed any more. */
  publish(batch: RelayedBatch): void {
    if (this.#closed !== null) return;
    this.#waiting.push(batch);
    this.#turn ??= setImmediate(() => this.#flush());
  }

  /** The engine's cache is unknown or anew: what routers have of it goes, and these blocks take its place. */
  reset(events: readonly EngineEvent[] = []): void {
    this.#counters.resets += 1;
    this.publish({ timestamp: Date.now() / 1000, events: [{ type: "cleared" }, ...events] });
  }

  /** Relays what the subscriber gives, until it or the relay is closed. It belongs to the relay from now on. */
  async follow(subscriber: KvEventSubscriber): Promise<void> {
    if (this.#closed !== null) subscriber.close();
    this.#followed.add(subscriber);
    try {
      for await (const delivery of subscriber) {
        if (delivery.type === "reset") this.reset(delivery.events);
        else this.publish(delivery.batch);
      }
    } finally {
      this.#followed.delete(subscriber);
      subscriber.close();
    }
  }

  /** Out of discovery first: routers drop the rank's blocks before its events stop. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #announce(scope: EndpointId): Promise<void> {
    const { runtime, endpoint } = this.#options;
    const { publisherId } = this;
    if (this.#index !== null) {
      const { namespace, component } = toEndpointId(endpoint);
      const name = `worker_kv_query_source_${publisherId.toString(16)}`;
      this.#query = await runtime
        .endpoint({ namespace, component, endpoint: name })
        .serve(createQueryHandler(this.#index), { items: "bare" });
    }
    const record: EventSourceRecord = {
      type: "eventSource",
      scope,
      topic,
      publisherId,
      kvStateEndpoint: scope,
      worker: this.#where,
      recoveryTarget: this.#query?.instance ?? null,
    };
    this.#sourceKey = recordKey(record);
    await runtime.planes.discovery.put(record);
  }

  #flush(): void {
    if (this.#turn !== null) clearImmediate(this.#turn);
    this.#turn = null;
    const batches = this.#waiting;
    this.#waiting = [];
    for (const batch of batches) this.#relay(batch);
  }

  #relay({ timestamp, events, dpRank }: RelayedBatch): void {
    const { workerId, dpRank: ownRank } = this.#where;
    if (dpRank != null && dpRank !== ownRank) {
      this.#counters.foreignBatches += 1;
      this.#problems.tell(
        `KV events of rank ${dpRank} came to the relay of rank ${ownRank}: each rank has its own port.`,
      );
      return;
    }
    const unnumbered = toRouterEvents(
      { timestamp, events, dpRank: ownRank },
      {
        workerId,
        dpRank: ownRank,
        blockSize: this.#options.blockSize,
        hasher: this.#hasher,
        onProblem: (message) => this.#problems.tell(message),
      },
    );
    if (unnumbered.length === 0) return;
    const numbered = unnumbered.map((event) => ({ ...event, eventId: this.#nextEventId++ }));
    for (const event of numbered) this.#keep(event);
    this.#publisher.publish(encodeRouterEvents(numbered));
    this.#counters.messages += 1;
    this.#counters.events += numbered.length;
  }

  #keep(event: RouterEvent): void {
    if (this.#index?.apply(event) !== "unknownParent") return;
    this.#counters.orphans += 1;
    this.#problems.tell(
      "An engine stored blocks below one that it never told of: events were lost, and no router can place these blocks. Give the engine a replay_endpoint.",
    );
  }

  async #close(): Promise<void> {
    for (const subscriber of this.#followed) subscriber.close();
    this.#flush();
    const { discovery } = this.#options.runtime.planes;
    const steps: (() => Promise<unknown> | undefined)[] = [
      () => (this.#sourceKey === null ? undefined : discovery.delete(this.#sourceKey)),
      () => this.#query?.close(),
      () => this.#publisher.close(),
    ];
    for (const step of steps) {
      try {
        await step();
      } catch (error) {
        // Its lease takes away what is left; the next step must still be gone.
        this.#problems.tell("The relay of KV events could not leave discovery.", error);
      }
    }
  }
}

function toEndpointId(endpoint: string | EndpointId): EndpointId {
  return typeof endpoint === "string" ? parseEndpointId(endpoint) : endpoint;
}
