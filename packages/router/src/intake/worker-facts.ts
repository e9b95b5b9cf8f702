// What workers say of themselves in their model cards, as far as routing asks: ranks, room, block size.
import type { HandOverTerms, ModelCard } from "@dyn/protocol";
import type { Discovery, EndpointId } from "@dyn/runtime";
import type { RankId } from "../load/active-requests.ts";

export interface WorkerFacts {
  readonly dpSize: number;
  /** 0 = unknown, as below. */
  readonly totalKvBlocks: number;
  readonly maxBatchedTokens: number;
  readonly blockSize: number;
  /** `null`: the card does not say. */
  readonly publishesKvEvents: boolean | null;
  /** What requests may require or prefer: those that the card names, and `dynamo.topology/<domain>=<value>`. */
  readonly taints: ReadonlySet<string>;
  /** `null`: of none of the two pools, or unknown. */
  readonly pool: "prefill" | "decode" | null;
  /** Where decode workers meet a prefill worker; `null`: it says so when it is asked. */
  readonly bootstrap: { readonly host: string; readonly port: number } | null;
  /** What it must agree on with the other half of a pair; `null`: the card does not say. */
  readonly handOver: HandOverTerms | null;
}

export const unknownWorker: WorkerFacts = Object.freeze({
  dpSize: 1,
  totalKvBlocks: 0,
  maxBatchedTokens: 0,
  blockSize: 0,
  publishesKvEvents: null,
  taints: new Set<string>(),
  pool: null,
  bootstrap: null,
  handOver: null,
});

export class WorkerDirectory {
  readonly #facts = new Map<bigint, WorkerFacts>();
  readonly #end = new AbortController();
  readonly #watching: Promise<void>;
  #revision = 0;

  constructor(options: {
    readonly discovery: Discovery;
    readonly endpoint: EndpointId;
    /** Cards of other models at the endpoint are passed over. Default: all count. */
    readonly model?: string | undefined;
    readonly onLeft: (workerId: bigint) => void;
    readonly onProblem: (message: string, error: unknown) => void;
  }) {
    this.#watching = this.#watch(options);
  }

  get(workerId: bigint): WorkerFacts {
    return this.#facts.get(workerId) ?? unknownWorker;
  }

  /** All its ranks. */
  ranks(workerId: bigint): RankId[] {
    const { dpSize } = this.get(workerId);
    return Array.from({ length: dpSize }, (_, dpRank) => ({ workerId, dpRank }));
  }

  /** Another one after each change. */
  get revision(): number {
    return this.#revision;
  }

  get workerIds(): readonly bigint[] {
    return [...this.#facts.keys()];
  }

  async close(): Promise<void> {
    this.#end.abort();
    await this.#watching;
  }

  async #watch({
    discovery,
    endpoint,
    model,
    onLeft,
    onProblem,
  }: ConstructorParameters<typeof WorkerDirectory>[0]): Promise<void> {
    const { signal } = this.#end;
    const prefix = `${endpoint.namespace}/${endpoint.component}/${endpoint.endpoint}`;
    /** A worker may have a card for each of its models. */
    const keys = new Map<string, bigint>();
    try {
      for await (const event of discovery.watch("v1/mdc", { prefix, signal })) {
        if (event.type === "put" && event.record.type === "model") {
          const { instanceId, card } = event.record;
          if (model !== undefined && card.displayName !== model) continue;
          const runtime = card.runtimeConfig ?? {};
          keys.set(event.key, instanceId);
          this.#facts.set(instanceId, {
            dpSize: runtime.dataParallelSize ?? 1,
            totalKvBlocks: runtime.totalKvBlocks ?? 0,
            maxBatchedTokens: runtime.maxNumBatchedTokens ?? 0,
            blockSize: card.kvCacheBlockSize,
            publishesKvEvents: runtime.kvEventPublishingEnabled ?? null,
            taints: taintsOf(runtime),
            pool:
              card.workerType === "prefill" || card.workerType === "decode"
                ? card.workerType
                : null,
            bootstrap: readBootstrap(runtime.disaggregatedEndpoint),
            handOver: runtime.handOver ?? null,
          });
          this.#revision += 1;
        } else if (event.type === "delete") {
          const workerId = keys.get(event.key);
          keys.delete(event.key);
          if (workerId === undefined || [...keys.values()].includes(workerId)) continue;
          this.#facts.delete(workerId);
          this.#revision += 1;
          onLeft(workerId);
        }
      }
    } catch (error) {
      if (!signal.aborted) onProblem("The watch of the workers' cards ended.", error);
    }
  }
}

function taintsOf(runtime: NonNullable<ModelCard["runtimeConfig"]>): ReadonlySet<string> {
  const domains = Object.entries(runtime.topologyDomains ?? {});
  const topology = domains.map(([domain, value]) => `dynamo.topology/${domain}=${value}`);
  return new Set([...(runtime.taints ?? []), ...topology]);
}

function readBootstrap(
  endpoint: { readonly bootstrapHost: string; readonly bootstrapPort: number } | undefined,
): WorkerFacts["bootstrap"] {
  return endpoint === undefined
    ? null
    : { host: endpoint.bootstrapHost, port: endpoint.bootstrapPort };
}
