// Follows every worker of an endpoint: who tells of its cache (event sources in discovery), what they tell (event plane),
// and what was missed (query endpoints). Fills the index; knows nothing of requests.
import { decodeRouterEvents, type KvIndex, type RouterEvent } from "@dyn/kv-events";
import {
  type EndpointId,
  type EventSourceRecord,
  type EventSubscription,
  type Planes,
  topicPath,
} from "@dyn/runtime";
import { type RankId, rankKey } from "../load/active-requests.ts";
import { queryKvState } from "./query-kv-state.ts";
import { SourceFollower } from "./source-follower.ts";

const topic = "kv-events";

export interface KvEventIntakeOptions {
  readonly planes: Planes;
  readonly endpoint: EndpointId;
  readonly index: KvIndex;
  readonly onProblem: (message: string, error: unknown) => void;
  readonly onApplied?: (event: RouterEvent, outcome: string) => void;
  /** How often each source is asked whether it said more than was heard. Default 10 s; 0 = never. */
  readonly tailCheckMs?: number;
}

export interface IntakeCounters {
  /** Messages that could not be read. */
  undecodable: number;
  /** Messages of publishers that no source names. */
  unknownPublishers: number;
  /** Messages that went to the follower of their rank. */
  batches: number;
  /** Ranks that are followed, were caught up with, and are followed no more. */
  started: number;
  activated: number;
  removed: number;
}

export class KvEventIntake {
  readonly counters: IntakeCounters = {
    undecodable: 0,
    unknownPublishers: 0,
    batches: 0,
    started: 0,
    activated: 0,
    removed: 0,
  };
  readonly #options: KvEventIntakeOptions;
  readonly #end = new AbortController();
  readonly #records = new Map<string, EventSourceRecord>();
  readonly #followers = new Map<bigint, SourceFollower>();
  #subscription: EventSubscription | null = null;
  #tasks: Promise<unknown>[] = [];
  #timer: NodeJS.Timeout | undefined;
  #synced: () => void = () => {};
  readonly #isSynced = new Promise<void>((resolve) => {
    this.#synced = resolve;
  });

  constructor(options: KvEventIntakeOptions) {
    this.#options = options;
  }

  get followers(): readonly SourceFollower[] {
    return [...this.#followers.values()];
  }

  /** Whether a live source tells of the rank. */
  hasSource(rank: RankId): boolean {
    return this.followers.some((it) => rankKey(it.rank) === rankKey(rank));
  }

  /** Of the rank's source; `undefined`: it has none, or two that contradict. */
  follower(rank: RankId): SourceFollower | undefined {
    return this.followers.find((it) => rankKey(it.rank) === rankKey(rank));
  }

  async start(): Promise<void> {
    const { planes, endpoint, tailCheckMs = 10_000 } = this.#options;
    // Listening begins before anybody is asked, so that no event falls between.
    this.#subscription = await planes.eventPlane.subscribe(endpoint, topic);
    this.#tasks = [this.#listen(this.#subscription), this.#watch()];
    if (tailCheckMs > 0) {
      this.#timer = setInterval(() => this.checkTails(), tailCheckMs);
      this.#timer.unref();
    }
  }

  /** Asks every source whether it has said more. */
  checkTails(): void {
    for (const follower of this.#followers.values()) follower.checkTail();
  }

  /** Resolves when the sources that discovery knows have been asked and no recovery runs. */
  async settled(): Promise<void> {
    await this.#isSynced;
    for (const follower of this.followers) await follower.settled();
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#end.abort();
    this.#subscription?.close();
    for (const follower of this.#followers.values()) follower.close();
    await Promise.all(this.#tasks);
  }

  async #listen(subscription: EventSubscription): Promise<void> {
    try {
      for await (const { publisherId, payload } of subscription) {
        const follower = this.#followers.get(publisherId);
        if (follower === undefined) {
          this.counters.unknownPublishers += 1;
          continue;
        }
        let events: RouterEvent[];
        try {
          events = decodeRouterEvents(payload);
        } catch (error) {
          this.counters.undecodable += 1;
          this.#options.onProblem("A KV event cannot be read.", error);
          continue;
        }
        this.counters.batches += 1;
        follower.accept(events);
      }
    } catch (error) {
      if (!this.#end.signal.aborted) this.#options.onProblem("KV events come no more.", error);
    }
  }

  async #watch(): Promise<void> {
    const { planes, endpoint, onProblem } = this.#options;
    const { signal } = this.#end;
    const prefix = topicPath(endpoint, topic);
    try {
      for await (const event of planes.discovery.watch("v1/event_sources", { prefix, signal })) {
        if (event.type === "synced") this.#synced();
        else if (event.type === "delete") this.#remove(event.key);
        else if (event.record.type === "eventSource") this.#put(event.key, event.record);
      }
    } catch (error) {
      if (!signal.aborted) onProblem("The watch of KV event sources ended.", error);
    }
    this.#synced();
  }

  #put(key: string, record: EventSourceRecord): void {
    this.#records.set(key, record);
    this.#settle(record.worker);
  }

  #remove(key: string): void {
    const record = this.#records.get(key);
    this.#records.delete(key);
    if (record !== undefined) this.#settle(record.worker);
  }

  /** One source speaks for a rank. While there are two, nobody knows which is right: neither is believed. */
  #settle(rank: RankId): void {
    const records = [...this.#records.values()].filter(
      ({ worker }) => rankKey(worker) === rankKey(rank),
    );
    const only = records.length === 1 ? records[0]! : null;
    for (const [publisherId, follower] of this.#followers) {
      if (rankKey(follower.rank) !== rankKey(rank) || publisherId === only?.publisherId) continue;
      follower.close();
      this.#followers.delete(publisherId);
      this.counters.removed += 1;
    }
    if (records.length > 1) {
      this.#options.onProblem(
        `${records.length} publishers tell of worker ${rank.workerId.toString(16)} rank ${rank.dpRank}; none is believed until one is left.`,
        null,
      );
    }
    if (only !== null && !this.#followers.has(only.publisherId)) this.#follow(only);
  }

  #follow({ publisherId, worker, recoveryTarget }: EventSourceRecord): void {
    const { planes, index, onProblem, onApplied } = this.#options;
    const follower = new SourceFollower({
      rank: worker,
      index,
      query:
        recoveryTarget === null
          ? null
          : (startEventId, signal) =>
              queryKvState(
                planes.requestPlane,
                recoveryTarget,
                { ...worker, startEventId, endEventId: null, supportsTreeDumpFailed: true },
                signal,
              ),
      wait: pause,
      onProblem,
      ...(onApplied === undefined ? {} : { onApplied }),
      onActive: () => {
        this.counters.activated += 1;
      },
    });
    this.counters.started += 1;
    this.#followers.set(publisherId, follower);
    follower.start();
  }
}

function pause(forMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", fail);
      resolve();
    }, forMs);
    const fail = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    signal.addEventListener("abort", fail, { once: true });
    if (signal.aborted) fail();
  });
}
