// The client of an endpoint where another than a KV router chooses: workers that are above the busy thresholds are left
// out, and when all of them are, the request is refused. Without thresholds it costs nothing and follows nobody.
import type { EngineOutputItem, PreprocessedRequest } from "@dyn/protocol";
import type { Annotated, EndpointClient, Instance, Planes } from "@dyn/runtime";
import { overrideCost } from "../choice/cost-override.ts";
import { allBusy } from "../choice/router-errors.ts";
import { defaultRouterSettings } from "../choice/router-settings.ts";
import { WorkerDirectory } from "../intake/worker-facts.ts";
import type { TokenCallOptions, TokenClient } from "../token-client.ts";
import type { RankId } from "./active-requests.ts";
import { BusyRanks } from "./busy-ranks.ts";
import { type BusyThresholds, checkBusyThresholds, noThresholds } from "./busy-thresholds.ts";
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

/** What is followed from the first threshold on. */
interface Followed {
  readonly workers: WorkerDirectory;
  readonly books: RequestBooks;
  readonly busy: BusyRanks;
  /** Reports come in. */
  readonly started: Promise<void>;
}

export class LoadGuardedClient implements TokenClient {
  readonly #options: LoadGuardedClientOptions;
  readonly #client: EndpointClient<PreprocessedRequest, EngineOutputItem>;
  #thresholds: BusyThresholds = noThresholds;
  #followed: Followed | null = null;
  #bookingCount = 0;

  constructor(options: LoadGuardedClientOptions) {
    this.#options = options;
    this.#client = options.client;
    this.setThresholds(options.thresholds ?? noThresholds);
  }

  get instances(): Instance[] {
    return this.#client.instances;
  }

  get readyInstances(): Instance[] {
    return this.#client.readyInstances;
  }

  get thresholds(): BusyThresholds {
    return this.#thresholds;
  }

  /** Throws InvalidArgumentError for one that is out of its range. */
  setThresholds(thresholds: BusyThresholds): void {
    this.#thresholds = checkBusyThresholds(thresholds);
    if (!this.#isGuarded) return;
    this.#followed ??= this.#follow();
    this.#followed.busy.thresholds = thresholds;
  }

  generate(
    request: PreprocessedRequest,
    options: TokenCallOptions = {},
  ): AsyncGenerator<Annotated<EngineOutputItem>> {
    return this.#isGuarded
      ? this.#guarded(this.#followed!, request, options)
      : this.#client.generate(request, options);
  }

  async close(): Promise<void> {
    if (this.#followed !== null) {
      const { workers, books, started } = this.#followed;
      await started.catch(() => {});
      await books.close();
      await workers.close();
    }
    await this.#client.close();
  }

  get #isGuarded(): boolean {
    return Object.values(this.#thresholds).some((bound) => bound !== null);
  }

  #follow(): Followed {
    const { client, planes, model, onProblem } = this.#options;
    const endpoint = client.id;
    const books = new RequestBooks({
      plane: planes.eventPlane,
      endpoint,
      blockSize: 1,
      settings: defaultRouterSettings,
      now: () => performance.now(),
      onLoad: (load) => busy.reports.take(load),
      onRoom: () => {},
      onProblem,
    });
    const workers = new WorkerDirectory({
      discovery: planes.discovery,
      endpoint,
      model,
      onLeft: (workerId) => {
        books.removeWorker(workerId);
        busy.reports.removeWorker(workerId);
      },
      onProblem,
    });
    const { active } = books;
    const busy = new BusyRanks({ workers, active, thresholds: noThresholds });
    const started = books.start();
    // Whoever asks first hears of it.
    started.catch(() => {});
    return { workers, books, busy, started };
  }

  async *#guarded(
    followed: Followed,
    request: PreprocessedRequest,
    options: TokenCallOptions,
  ): AsyncGenerator<Annotated<EngineOutputItem>> {
    const client = this.#client;
    const { books, started } = followed;
    await started;
    await client.synced(options.signal);
    const busy = this.#busyIds(followed);
    const { instanceId: pin } = options;
    if (pin !== undefined && busy.has(pin)) throw allBusy(true);
    if (busy.size > 0 && busy.size === client.instances.length) throw allBusy(false);
    const booking = `guarded-${this.#bookingCount++}`;
    // What comes with its prompt computed elsewhere is no prefill here.
    const { cost } = defaultRouterSettings;
    const { trackPrefillTokens } = overrideCost(cost, request.router_config_override);
    let rank: RankId | null = null;
    const stream = client.generate(request, {
      ...options,
      ...(busy.size === 0 ? {} : { avoid: new Set([...busy, ...(options.avoid ?? [])]) }),
      onRouted: (instance) => {
        rank = { workerId: instance.instanceId, dpRank: request.routing?.dp_rank ?? 0 };
        const load = { hashes: noHashes, cachedTokens: 0, tracksPrefill: trackPrefillTokens };
        books.add(booking, { ...rank, ...load }, request);
        options.onRouted?.(instance);
      },
    });
    let isPrefilling = true;
    try {
      for await (const item of stream) {
        if (isPrefilling && rank !== null && (item.data?.token_ids.length ?? 0) > 0) {
          isPrefilling = false;
          books.prefillCompleted(booking, rank);
        }
        yield item;
      }
    } finally {
      if (rank !== null) books.free(booking, rank);
    }
  }

  /** All of whose ranks are above. */
  #busyIds({ workers, busy }: Followed): Set<bigint> {
    const ids = this.instances.map(({ instanceId }) => instanceId);
    return new Set(ids.filter((id) => workers.ranks(id).every((rank) => busy.isBusy(rank))));
  }
}

/** Closes the client with it. */
export function createLoadGuardedClient(options: LoadGuardedClientOptions): LoadGuardedClient {
  return new LoadGuardedClient(options);
}
