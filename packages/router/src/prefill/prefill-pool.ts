// The prefill workers of a model: one of them is chosen for each prompt, by caches and load where a KV router is there.
import type { BootstrapInfo, EngineOutputItem, PreprocessedRequest } from "@dyn/protocol";
import type { Annotated, Instance } from "@dyn/runtime";
import type { KvRouter } from "../choice/kv-router.ts";
import type { WorkerDirectory } from "../intake/worker-facts.ts";
import type { TokenCallOptions, TokenClient } from "../token-client.ts";
import { drawRoom } from "./draw-room.ts";
import { toPrefillRequest } from "./handover.ts";
import { type PrefillChosen, PrefillLeg } from "./prefill-leg.ts";

export interface PrefillPoolOptions {
  readonly client: TokenClient;
  /** Of the pool alone; `null` in the modes that know nothing of caches. */
  readonly router: KvRouter | null;
  /** Until a prompt must be computed; then its prefill fails, and is done elsewhere. `null`, the default: it may take its time. */
  readonly timeoutMs?: number | null;
  /** What the workers' cards say. Closes with the pool. */
  readonly workers: WorkerDirectory;
}

type LegOptions = Pick<
  TokenCallOptions,
  "requestId" | "trace" | "metadata" | "avoid" | "instanceId"
>;

export class PrefillPool {
  readonly router: KvRouter | null;
  readonly workers: WorkerDirectory;
  readonly #client: TokenClient;
  readonly #timeoutMs: number | null;
  #running = 0;
  #isRetired = false;

  constructor({ client, router, workers, timeoutMs = null }: PrefillPoolOptions) {
    this.#client = client;
    this.#timeoutMs = timeoutMs;
    this.router = router;
    this.workers = workers;
  }

  get workerIds(): bigint[] {
    return this.#isRetired ? [] : this.#client.instances.map(({ instanceId }) => instanceId);
  }

  /** Less those that are in the pause after a failure. */
  get readyIds(): bigint[] {
    const { instances, readyInstances = instances } = this.#client;
    return this.#isRetired ? [] : readyInstances.map(({ instanceId }) => instanceId);
  }

  /** Starts at once; the leg ends when it is told to, or with its answer. */
  begin(request: PreprocessedRequest, options: LegOptions): PrefillLeg {
    return new PrefillLeg(
      (signal, chosen) => this.#ask(request, { ...options, signal }, chosen),
      this.#timeoutMs,
    );
  }

  /** Nothing new is begun; closes when the last prefill is over. */
  async retire(): Promise<void> {
    if (this.#isRetired) return;
    this.#isRetired = true;
    if (this.#running === 0) await this.#close();
  }

  async *#ask(
    request: PreprocessedRequest,
    options: LegOptions & { readonly signal: AbortSignal },
    chosen: (choice: PrefillChosen) => void,
  ): AsyncGenerator<Annotated<EngineOutputItem>> {
    this.#running += 1;
    try {
      const { dp_rank: _, prefill_dp_rank: rank, ...routing } = request.routing ?? {};
      yield* this.#client.generate(
        { ...request, routing: rank == null ? routing : { ...routing, dp_rank: rank } },
        { ...options, prepare: (routed, instance) => this.#prepare(routed, instance, chosen) },
      );
    } finally {
      this.#running -= 1;
      if (this.#isRetired && this.#running === 0) await this.#close();
    }
  }

  #prepare(
    request: PreprocessedRequest,
    { instanceId: workerId }: Instance,
    chosen: (choice: PrefillChosen) => void,
  ): PreprocessedRequest {
    const { bootstrap, dpSize } = this.workers.get(workerId);
    const dpRank = request.routing?.dp_rank ?? null;
    const info: BootstrapInfo | null = bootstrap && {
      bootstrap_host: bootstrap.host,
      bootstrap_port: bootstrap.port,
      bootstrap_room: drawRoom(dpRank, dpSize),
      handoff_id: crypto.randomUUID(),
    };
    chosen({ workerId, dpRank, fields: info && { bootstrap_info: info } });
    return toPrefillRequest(request, workerId, info);
  }

  async #close(): Promise<void> {
    await this.#client.close();
    await this.workers.close();
  }
}
