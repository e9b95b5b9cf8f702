// The indexes, one for each model and routing group, and the engines that fill them. Knows nothing of HTTP.
import {
  type ApplyOutcome,
  type BlockHasher,
  createBlockHasher,
  KvIndex,
  type RouterEvent,
  type WorkerOverlap,
} from "@dyn/kv-events";
import { DynError, NotFoundError } from "@dyn/protocol";
import { EngineListener, type ListenerStatus } from "./engine-listener.ts";

export interface EngineRegistration {
  /** u64 */
  readonly workerId: bigint;
  readonly dpRank: number;
  readonly endpoint: string;
  readonly replayEndpoint: string | null;
  readonly model: string;
  readonly routingGroup: string;
  readonly blockSize: number;
}

export interface PromptQuery {
  readonly model: string;
  readonly routingGroup: string;
  readonly tokenIds: readonly number[] | Uint32Array;
  readonly loraName: string | null;
  readonly cacheSalt: string | null;
}

export interface IndexedWorker {
  readonly workerId: bigint;
  readonly model: string;
  readonly routingGroup: string;
  readonly blockSize: number;
  readonly listeners: readonly {
    readonly dpRank: number;
    readonly endpoint: string;
    readonly status: ListenerStatus;
  }[];
}

export interface KvIndexerOptions {
  /** Bound of each index. */
  readonly maxIndexBytes: number;
  readonly onProblem: (message: string, error: unknown) => void;
}

/** Ranks of all engines: a socket each. */
const maxListeners = 4096;

interface ModelIndex {
  readonly model: string;
  readonly routingGroup: string;
  readonly blockSize: number;
  readonly index: KvIndex;
  readonly listeners: Map<bigint, Map<number, EngineListener>>;
}

/** Events of one type that had one outcome. */
export interface EventCount {
  readonly eventType: string;
  readonly outcome: ApplyOutcome;
  count: number;
}

/** Of all indexes; the last two since the start. */
export interface IndexTotals {
  readonly blockCount: number;
  readonly sizeBytes: number;
  /** Blocks that made room for others. */
  readonly evictedBlocks: number;
  /** Stored events with a block that was held already. */
  readonly repeatedStores: number;
}

/** Engines are registered, prompts are asked for; closed, it follows nobody. */
export class KvIndexer {
  readonly #eventCounts = new Map<string, EventCount>();
  readonly #models = new Map<string, ModelIndex>();
  /** Of indexes that are gone. */
  readonly #past = { evictedBlocks: 0, repeatedStores: 0 };
  readonly #hasher: BlockHasher = createBlockHasher();
  readonly #options: KvIndexerOptions;
  /** Changes one after another: a rank is never followed twice. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: KvIndexerOptions) {
    this.#options = options;
  }

  /** Of all engines' events, since the start. */
  get eventCounts(): readonly Readonly<EventCount>[] {
    return [...this.#eventCounts.values()];
  }

  get indexTotals(): IndexTotals {
    const totals = { blockCount: 0, sizeBytes: 0, ...this.#past };
    for (const { index } of this.#models.values()) {
      totals.blockCount += index.blockCount;
      totals.sizeBytes += index.sizeBytes;
      totals.evictedBlocks += index.counters.evictedBlocks;
      totals.repeatedStores += index.counters.repeatedStores;
    }
    return totals;
  }

  get modelCount(): number {
    return this.#models.size;
  }

  /** Follows one rank of an engine from now on. Throws a DynError with status 409 when that contradicts what is followed. */
  register(engine: EngineRegistration): Promise<void> {
    return this.#inTurn(() => this.#register(engine));
  }

  /** All ranks, or one, of one model or of all. Throws NotFoundError. */
  unregister(where: {
    readonly workerId: bigint;
    readonly dpRank: number | null;
    readonly model: string;
    readonly routingGroup: string | null;
  }): Promise<void> {
    return this.#inTurn(() => this.#unregister(where));
  }

  workers(): IndexedWorker[] {
    return [...this.#models.values()].flatMap(({ listeners, model, routingGroup, blockSize }) =>
      Array.from(listeners, ([workerId, ranks]) => ({
        workerId,
        model,
        routingGroup,
        blockSize,
        listeners: Array.from(ranks, ([dpRank, { endpoint, status }]) => ({
          dpRank,
          endpoint,
          status,
        })),
      })),
    );
  }

  /** Who has how much of the prompt. Throws NotFoundError for a model that nobody registered. */
  find(query: PromptQuery): { readonly blockSize: number; readonly overlaps: WorkerOverlap[] } {
    const { index, blockSize } = this.#model(query);
    const { sequenceHashes } = this.#hasher.hashTokens(query.tokenIds, {
      blockSize,
      loraName: query.loraName,
      cacheSalt: query.cacheSalt,
    });
    return { blockSize, overlaps: index.findMatches(sequenceHashes) };
  }

  /** The same by local hashes. */
  findByHash(
    where: { readonly model: string; readonly routingGroup: string },
    localHashes: BigUint64Array,
  ): { readonly blockSize: number; readonly overlaps: WorkerOverlap[] } {
    const { index, blockSize } = this.#model(where);
    return { blockSize, overlaps: index.findMatchesByLocal(localHashes) };
  }

  /** Everything, by `model:routing group`: parents before children. */
  dump(): Map<string, { readonly blockSize: number; readonly events: RouterEvent[] }> {
    return new Map(
      Array.from(this.#models, ([key, { blockSize, index }]) => [
        key,
        { blockSize, events: index.dump() },
      ]),
    );
  }

  /** What another indexer holds of ranks that are followed here and of which nothing is known yet. Returns its blocks. */
  adopt(key: string, blockSize: number, events: readonly RouterEvent[]): number {
    const known = this.#models.get(key);
    if (known === undefined || known.blockSize !== blockSize) return 0;
    const { index, listeners } = known;
    const full = new Set(
      index.workers().flatMap((it) => (it.blockCount > 0 ? [`${it.workerId}:${it.dpRank}`] : [])),
    );
    const before = index.blockCount;
    index.load(
      events.filter(
        ({ workerId, dpRank }) =>
          listeners.get(workerId)?.has(dpRank) && !full.has(`${workerId}:${dpRank}`),
      ),
    );
    return index.blockCount - before;
  }

  async close(): Promise<void> {
    await this.#inTurn(async () => {
      const all = [...this.#models.values()].flatMap(({ listeners }) =>
        [...listeners.values()].flatMap((ranks) => [...ranks.values()]),
      );
      this.#models.clear();
      await Promise.all(all.map((listener) => listener.close()));
    });
  }

  #count(eventType: string, outcome: ApplyOutcome): void {
    const key = `${eventType}:${outcome}`;
    const known = this.#eventCounts.get(key);
    if (known === undefined) this.#eventCounts.set(key, { eventType, outcome, count: 1 });
    else known.count += 1;
  }

  async #register(engine: EngineRegistration): Promise<void> {
    const { workerId, dpRank, model, routingGroup, blockSize } = engine;
    const key = `${model}:${routingGroup}`;
    const known = this.#models.get(key);
    if (known !== undefined && known.blockSize !== blockSize) {
      throw conflict(
        `block_size mismatch for model=${model} routing_group=${routingGroup}: existing=${known.blockSize}, requested=${blockSize}`,
      );
    }
    if (known?.listeners.get(workerId)?.has(dpRank)) {
      throw conflict(`instance ${workerId} dp_rank ${dpRank} already registered`);
    }
    const listenerCount = this.workers().reduce((sum, it) => sum + it.listeners.length, 0);
    if (listenerCount >= maxListeners) {
      throw conflict(
        `${maxListeners} engine ranks are followed, which is the most. Unregister some.`,
      );
    }
    const { maxIndexBytes, onProblem } = this.#options;
    const entry = known ?? {
      model,
      routingGroup,
      blockSize,
      index: new KvIndex({ maxBytes: maxIndexBytes }),
      listeners: new Map<bigint, Map<number, EngineListener>>(),
    };
    const { endpoint, replayEndpoint } = engine;
    const { index } = entry;
    const source = { workerId, dpRank, endpoint, replayEndpoint };
    const listener = await EngineListener.open({
      ...source,
      blockSize,
      index,
      onApplied: (eventType, outcome) => this.#count(eventType, outcome),
      onProblem,
    });
    const ranks = entry.listeners.get(workerId) ?? new Map<number, EngineListener>();
    ranks.set(dpRank, listener);
    entry.listeners.set(workerId, ranks);
    this.#models.set(key, entry);
  }

  async #unregister(where: Parameters<KvIndexer["unregister"]>[0]): Promise<void> {
    const { workerId, dpRank, model, routingGroup } = where;
    let count = 0;
    for (const [key, entry] of this.#models) {
      if (entry.model !== model) continue;
      if (routingGroup !== null && entry.routingGroup !== routingGroup) continue;
      const ranks = entry.listeners.get(workerId);
      for (const [rank, listener] of ranks ?? []) {
        if (dpRank !== null && rank !== dpRank) continue;
        ranks!.delete(rank);
        await listener.close();
        count += 1;
      }
      if (ranks?.size === 0) entry.listeners.delete(workerId);
      if (entry.listeners.size > 0) continue;
      this.#models.delete(key);
      this.#past.evictedBlocks += entry.index.counters.evictedBlocks;
      this.#past.repeatedStores += entry.index.counters.repeatedStores;
    }
    if (count === 0) {
      throw new NotFoundError(`instance ${workerId} not found`, {
        code: "DYN_INDEXER_UNKNOWN_ENGINE",
      });
    }
  }

  #model({ model, routingGroup }: { readonly model: string; readonly routingGroup: string }) {
    const known = this.#models.get(`${model}:${routingGroup}`);
    if (known !== undefined) return known;
    throw new NotFoundError(`no indexer for model=${model} routing_group=${routingGroup}`, {
      code: "DYN_INDEXER_UNKNOWN_MODEL",
    });
  }

  #inTurn<T>(run: () => Promise<T>): Promise<T> {
    const result = this.#last.then(run);
    this.#last = result.catch(() => {});
    return result;
  }
}

function conflict(message: string): DynError {
  return new DynError(message, { code: "DYN_INDEXER_CONFLICT", status: 409 });
}
