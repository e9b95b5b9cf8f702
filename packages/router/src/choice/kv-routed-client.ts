// The client of an endpoint, with a KV router in front: hashes, waits its turn, chooses, sends, and keeps the books.
import type { EngineOutputItem, PreprocessedRequest } from "@dyn/protocol";
import { DynError, UnavailableError } from "@dyn/protocol";
import type { Annotated, EndpointClient, Instance } from "@dyn/runtime";
import type { RouterObserver } from "../observe/router-observer.ts";
import type { TokenCallOptions, TokenClient } from "../token-client.ts";
import { cachesAlone } from "./caches-alone.ts";
import type { KvRouter } from "./kv-router.ts";
import { isRouteQuery, policyFamilyOf, sessionIdOf } from "./request-fields.ts";
import type { RouteChoice, RouteQuery } from "./route-query.ts";

/** For which a worker that has not come is waited for at start. */
const initialWaitMs = 60_000;

export interface KvRoutedClientOptions {
  readonly client: EndpointClient<PreprocessedRequest, EngineOutputItem>;
  readonly router: KvRouter;
  readonly onReceived?: RouterObserver["received"];
  readonly onFirstToken?: RouterObserver["firstToken"];
  readonly onStep?: RouterObserver["step"];
  readonly onEnded?: RouterObserver["ended"];
  readonly onClosed?: () => void | Promise<void>;
}

export class KvRoutedClient implements TokenClient {
  readonly router: KvRouter;
  readonly #options: KvRoutedClientOptions;
  readonly #client: EndpointClient<PreprocessedRequest, EngineOutputItem>;
  readonly #starting: Promise<void>;
  #hadWorkers = false;

  constructor(options: KvRoutedClientOptions) {
    this.#options = options;
    this.#client = options.client;
    this.router = options.router;
    this.#starting = options.router.start();
    // Whoever asks first hears of it.
    this.#starting.catch(() => {});
  }

  get instances(): Instance[] {
    return this.#client.instances;
  }

  get readyInstances(): Instance[] {
    return this.#client.readyInstances;
  }

  async close(): Promise<void> {
    await this.#starting.catch(() => {});
    await this.router.close();
    await this.#client.close();
    await this.#options.onClosed?.();
  }

  /** Resolves when the router follows, and discovery has told who is there. */
  async ready(signal?: AbortSignal): Promise<void> {
    await this.#starting;
    await this.#client.synced(signal);
    await this.#waitForWorkers(signal);
  }

  /** Where the request would go now; nothing is sent or booked. `null`: nobody can be asked now. */
  async decide(
    request: PreprocessedRequest,
    options: TokenCallOptions & { readonly requestId: string },
  ): Promise<RouteChoice | null> {
    await this.ready(options.signal);
    this.router.setEligible(this.instances.map(({ instanceId }) => instanceId));
    const told = await this.#askRemote(request, options.signal);
    return this.#choose(request, options, { queuedMs: 0, ...told });
  }

  async *generate(
    request: PreprocessedRequest,
    options: TokenCallOptions = {},
  ): AsyncGenerator<Annotated<EngineOutputItem>> {
    await this.ready(options.signal);
    const requestId = options.requestId ?? crypto.randomUUID();
    const queuedMs = await this.#waitForTurn(request, options);
    const told = await this.#askRemote(request, options.signal).catch((error) => {
      this.router.queue?.pump();
      throw error;
    });
    let choice: RouteChoice | null;
    try {
      // From here to the booking nothing waits: whoever chooses next must see this one.
      choice = this.#choose(request, { ...options, requestId }, { queuedMs, ...told });
    } catch (error) {
      // The turn was not used: the next one may have it.
      this.router.queue?.pump();
      throw error;
    }
    if (choice === null) {
      // Everybody has failed just now: the client tries the one that may be back first.
      yield* this.#client.generate(request, { ...options, requestId });
      return;
    }
    options.onDecision?.(choice.record);
    if (isRouteQuery(request)) yield* this.#answerQuery(choice, options);
    else yield* this.#send(request, { ...options, requestId }, choice);
  }

  #answerQuery(choice: RouteChoice, options: TokenCallOptions): Annotated<EngineOutputItem>[] {
    const instance = this.instances.find((it) => it.instanceId === choice.workerId);
    if (instance !== undefined) options.onRouted?.(instance);
    this.router.queue?.pump();
    return [{ data: { token_ids: [], finish_reason: "stop" } }];
  }

  async *#send(
    request: PreprocessedRequest,
    options: TokenCallOptions & { readonly requestId: string },
    choice: RouteChoice,
  ): AsyncGenerator<Annotated<EngineOutputItem>> {
    const { router } = this;
    const { requestId } = options;
    const { workerId, dpRank, hashes } = choice;
    const sessionId = sessionIdOf(request);
    const startMs = performance.now();
    let outputTokens = 0;
    let reusedTokens: number | null = null;
    let lastMs = startMs;
    let end: "complete" | "left" | "failed" = "left";
    router.book(requestId, choice, request);
    if (sessionId !== null) router.sessionDispatched(sessionId, choice);
    // Who waits in which line is this router's affair.
    const { policy_class: _, ...routing } = request.routing ?? {};
    const stream = this.#client.generate(
      {
        ...request,
        routing: { ...routing, dp_rank: dpRank },
        router_config_override: isDecode(request) ? request.router_config_override : null,
      },
      { ...options, instanceId: workerId },
    );
    try {
      for await (const item of stream) {
        const count = item.data?.token_ids.length ?? 0;
        if (count > 0) {
          const nowMs = performance.now();
          if (outputTokens === 0) {
            router.prefillCompleted(requestId, choice);
            this.#options.onFirstToken?.((nowMs - startMs) / 1000, choice.record);
          } else {
            this.#options.onStep?.((nowMs - lastMs) / 1000 / count, choice.record);
          }
          lastMs = nowMs;
          outputTokens += count;
          router.active.outputTokens(requestId, count);
        }
        const reused = item.data?.completion_usage?.prompt_tokens_details?.cached_tokens;
        if (reused != null) reusedTokens = reused;
        yield item;
      }
      end = "complete";
    } catch (error) {
      end = "failed";
      throw this.#ofInstance(error, options);
    } finally {
      router.free(requestId, choice, hashes.sequenceHashes.length, end === "complete");
      const { pool } = router.workers.get(workerId);
      if (end === "complete" && reusedTokens !== null && cachesAlone(request, pool)) {
        router.answered(choice, reusedTokens);
      }
      if (sessionId !== null) router.sessionEnded(sessionId, end === "failed");
      this.#options.onEnded?.(outputTokens, reusedTokens ?? 0);
    }
  }

  /** A worker that left between the choice and the call is a loss like any other; one that the caller named is not. */
  #ofInstance(error: unknown, options: TokenCallOptions): unknown {
    if (options.instanceId !== undefined || !DynError.is(error)) return error;
    if (error.code !== "DYN_RUNTIME_UNKNOWN_INSTANCE") return error;
    return new UnavailableError("The chosen worker has left.", {
      code: "DYN_RUNTIME_CANNOT_CONNECT",
      cause: error,
    });
  }

  /** What an index elsewhere says of the prompt; nothing where the index is here. */
  async #askRemote(
    request: PreprocessedRequest,
    signal: AbortSignal | undefined,
  ): Promise<Pick<RouteQuery, "hashes" | "told">> {
    const { remote } = this.router;
    if (remote === null) return {};
    const hashes = this.router.hash(request);
    return { hashes, told: await remote.find(hashes, signal) };
  }

  /** `null`: nobody can be asked now. */
  #choose(
    request: PreprocessedRequest,
    options: TokenCallOptions & { readonly requestId: string },
    known: Pick<RouteQuery, "queuedMs" | "hashes" | "told">,
  ): RouteChoice | null {
    const { instanceId: pin, avoid, requestId, trace = null } = options;
    const workerIds = this.#candidates(avoid);
    const isKnown = pin !== undefined && this.instances.some((it) => it.instanceId === pin);
    if (pin !== undefined && !isKnown) return null;
    if (workerIds.length === 0 && pin === undefined) return null;
    const { prefill = null } = options;
    return this.router.choose({
      request,
      requestId,
      workerIds,
      pin: pin ?? null,
      trace,
      prefill,
      ...known,
    });
  }

  #candidates(avoid: ReadonlySet<bigint> | undefined): bigint[] {
    const { free, routable } = this.#client.sets;
    const others = (set: readonly Instance[]) =>
      avoid === undefined ? set : set.filter(({ instanceId }) => !avoid.has(instanceId));
    const found = [others(free), others(routable), free, routable].find((it) => it.length > 0);
    return (found ?? []).map(({ instanceId }) => instanceId);
  }

  async #waitForTurn(request: PreprocessedRequest, options: TokenCallOptions): Promise<number> {
    const { router } = this;
    router.setEligible(this.instances.map(({ instanceId }) => instanceId));
    if (router.queue === null) {
      this.#options.onReceived?.(null);
      return 0;
    }
    const { routing } = request;
    const queued = {
      tokenCount: request.token_ids.length,
      cachedTokens: () => router.cachedTokens(request),
      family: policyFamilyOf(request),
      priorityJump: routing?.priority_jump ?? 0,
      strictPriority: routing?.strict_priority ?? 0,
    };
    const queueClass = router.queue.classOf(queued);
    this.#options.onReceived?.(queueClass.className);
    if (options.instanceId !== undefined) return 0;
    return router.queue.enter(queued, options.signal, queueClass);
  }

  async #waitForWorkers(signal: AbortSignal | undefined): Promise<void> {
    const count = this.router.settings.minInitialWorkers;
    if (this.#hadWorkers || count === 0) return;
    const late = AbortSignal.timeout(initialWaitMs);
    await this.#client.waitForInstances({
      count,
      signal: signal === undefined ? late : AbortSignal.any([signal, late]),
    });
    this.#hadWorkers = true;
  }
}

/** Of a pair: its worker is told that load alone has placed it. */
function isDecode({ bootstrap_info: info, prefill_result: result }: PreprocessedRequest): boolean {
  return info != null || result != null;
}

/** Starts the router. `close` closes router and client. */
export function createKvRoutedClient(options: KvRoutedClientOptions): KvRoutedClient {
  return new KvRoutedClient(options);
}
