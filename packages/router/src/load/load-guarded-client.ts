// The client of an endpoint where another than a KV router chooses: workers that are above the busy thresholds are left
// out, and when all of them are, the request is refused. Without thresholds it costs nothing and follows nobody.
import type { EngineOutputItem, PreprocessedRequest } from "@dyn/protocol";
import type { Annotated, EndpointClient, Instance, Planes } from "@dyn/runtime";
import { allBusy } from "../choice/router-errors.ts";
import { defaultRouterSettings } from "../choice/router-settings.ts";
import { WorkerDirectory } from "../intake/worker-facts.ts";
import type { TokenCallOptions, TokenClient } from "../token-client.ts";
import type { RankId } from "./active-requests.ts";
import { BusyRanks } from "./busy-ranks.ts";
import { type BusyThresholds, noThresholds } from "./busy-thresholds.ts";
import { RequestBooks } from "./request-books.ts";

export interface LoadGuardedClientOptions {
  readonly client: EndpointClient<PreprocessedRequest, EngineOutputItem>;
  /** On which workers tell how full they are, and how much room they have. */
  readonly planes: Pick<Planes, "discovery" | "eventPlane">;
  /** Cards of other models at the endpoint are passed over. */
  readonly model: string;
  /** Default: none. */
  readonly thresholds?: BusyThresholds | undefined;
  readonly onProblem: (message: string, error: unknown) => void;
}

const noHashes = Object.freeze({
  localHashes: new BigUint64Array(0),
  sequenceHashes: new BigUint64Array(0),
});

export class LoadGuardedClient implements TokenClient {
  readonly #client: EndpointClient<PreprocessedRequest, EngineOutputItem>;
  readonly #workers: WorkerDirectory;
  readonly #books: RequestBooks;
  readonly #busy: BusyRanks;
  /** Follows workers' reports; `null`: there was no threshold yet. */
  #following: Promise<void> | null = null;
  #bookingCount = 0;

  constructor(options: LoadGuardedClientOptions) {
    const { client, planes, model, onProblem } = options;
    this.#client = client;
    this.#books = new RequestBooks({
      plane: planes.eventPlane,
      endpoint: client.id,
      blockSize: 1,
      settings: defaultRouterSettings,
      now: () => performance.now(),
      onLoad: (load) => this.#busy.reports.take(load),
      onRoom: () => {},
      onProblem,
    });
    this.#workers = new WorkerDirectory({
      discovery: planes.discovery,
      endpoint: client.id,
      model,
      onLeft: (workerId) => {
        this.#books.removeWorker(workerId);
        this.#busy.reports.removeWorker(workerId);
      },
      onProblem,
    });
    const [workers, { active }] = [this.#workers, this.#books];
    this.#busy = new BusyRanks({ workers, active, thresholds: noThresholds });
    this.setThresholds(options.thresholds ?? noThresholds);
  }

  get instances(): Instance[] {
    return this.#client.instances;
  }

  get readyInstances(): Instance[] {
    return this.#client.readyInstances;
  }

  get thresholds(): BusyThresholds {
    return this.#busy.thresholds;
  }

  /** Throws InvalidArgumentError for one that is out of its range. */
  setThresholds(thresholds: BusyThresholds): void {
    this.#busy.thresholds = thresholds;
    if (!this.#isGuarded || this.#following !== null) return;
    this.#following = this.#books.start();
    // Whoever asks first hears of it.
    this.#following.catch(() => {});
  }

  generate(
    request: PreprocessedRequest,
    options: TokenCallOptions = {},
  ): AsyncGenerator<Annotated<EngineOutputItem>> {
    return this.#isGuarded
      ? this.#guarded(request, options)
      : this.#client.generate(request, options);
  }

  async close(): Promise<void> {
    await this.#following?.catch(() => {});
    await this.#books.close();
    await this.#workers.close();
    await this.#client.close();
  }

  get #isGuarded(): boolean {
    return Object.values(this.#busy.thresholds).some((bound) => bound !== null);
  }

  async *#guarded(
    request: PreprocessedRequest,
    options: TokenCallOptions,
  ): AsyncGenerator<Annotated<EngineOutputItem>> {
    const client = this.#client;
    await this.#following;
    await client.synced(options.signal);
    const busy = this.#busyIds();
    const { instanceId: pin } = options;
    if (pin !== undefined && busy.has(pin)) throw allBusy(true);
    if (busy.size > 0 && busy.size === client.instances.length) throw allBusy(false);
    const booking = `guarded-${this.#bookingCount++}`;
    let rank: RankId | null = null;
    const stream = client.generate(request, {
      ...options,
      ...(busy.size === 0 ? {} : { avoid: new Set([...busy, ...(options.avoid ?? [])]) }),
      onRouted: (instance) => {
        rank = { workerId: instance.instanceId, dpRank: request.routing?.dp_rank ?? 0 };
        const load = { ...rank, hashes: noHashes, cachedTokens: 0, tracksPrefill: true };
        this.#books.add(booking, load, request);
        options.onRouted?.(instance);
      },
    });
    let isPrefilling = true;
    try {
      for await (const item of stream) {
        if (isPrefilling && rank !== null && (item.data?.token_ids.length ?? 0) > 0) {
          isPrefilling = false;
          this.#books.prefillCompleted(booking, rank);
        }
        yield item;
      }
    } finally {
      if (rank !== null) this.#books.free(booking, rank);
    }
  }

  /** All of whose ranks are above. */
  #busyIds(): Set<bigint> {
    const workers = this.#workers;
    const ids = this.instances.map(({ instanceId }) => instanceId);
    return new Set(ids.filter((id) => workers.ranks(id).every((rank) => this.#busy.isBusy(rank))));
  }
}

/** Closes the client with it. */
export function createLoadGuardedClient(options: LoadGuardedClientOptions): LoadGuardedClient {
  return new LoadGuardedClient(options);
}
