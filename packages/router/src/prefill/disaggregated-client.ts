// The client of a decode pool whose prompts are prefilled by another pool. Joins the two answers into one: what comes out
// is what one worker would have said.
import {
  DynError,
  type EngineOutputItem,
  type PreprocessedRequest,
  readResumeField,
  UnavailableError,
} from "@dyn/protocol";
import type { Annotated, Instance } from "@dyn/runtime";
import type { KvRouter } from "../choice/kv-router.ts";
import { isRouteQuery } from "../choice/request-fields.ts";
import type { TokenCallOptions, TokenClient } from "../token-client.ts";
import { type AskChoice, answerChoices, type Placement } from "./answer-choices.ts";
import type { ConditionalSettings } from "./conditional-settings.ts";
import { DecisionLog } from "./decision-log.ts";
import type { HandOverPairs } from "./hand-over-pairs.ts";
import { toDecodeRequest } from "./handover.ts";
import { isAnswer, withCachedTokens } from "./joined-answer.ts";
import { type Plan, planLocal, planPool, planPrefill } from "./plan-prefill.ts";
import type { PrefillDecision } from "./prefill-decision.ts";
import { noPrefillWorker, unknownWorker } from "./prefill-errors.ts";
import { PrefillFailure, type PrefillLeg } from "./prefill-leg.ts";
import type { PrefillPool } from "./prefill-pool.ts";

/** Prefill workers that one prompt may cost, before the decode worker prefills by itself. */
const mostAttempts = 3;

export interface DisaggregatedClientOptions {
  readonly decode: TokenClient;
  /** Of the decode pool; `null` in the modes that know nothing of caches. */
  readonly router: KvRouter | null;
  /** The pool of now; `null`: none is there. */
  readonly pool: () => PrefillPool | null;
  /** Who can hand over to whom. Closes with the client. Default: everybody to everybody. */
  readonly pairs?: HandOverPairs;
  readonly model: string;
  /** Whether decode workers prefill what comes without a hand-over. */
  readonly prefillsItself: boolean;
  /** `null`: every prompt goes to the pool. */
  readonly conditional?: ConditionalSettings | null;
  readonly onDecision?: (decision: PrefillDecision) => void;
  /** From the end of a prefill until the first token of its decode worker; 0 where the token came first. */
  readonly onHandedOver?: (seconds: number) => void;
  readonly onClosed?: () => void;
  /** A prefill failed and is done elsewhere. */
  readonly onPrefillFailed?: (failure: PrefillFailure) => void;
}

type Items = AsyncGenerator<Annotated<EngineOutputItem>>;

interface Attempt {
  /** Prefill workers that have failed this prompt. */
  readonly failed: Set<bigint>;
  /** Those that cannot hand over to the decode workers. */
  unusable: ReadonlySet<bigint>;
  cause: PrefillFailure | null;
  count: number;
  /** Where it would rather be. */
  readonly near: Placement | null;
}

export class DisaggregatedClient implements TokenClient {
  readonly decisions: DecisionLog;
  readonly #options: DisaggregatedClientOptions;

  constructor(options: DisaggregatedClientOptions) {
    this.#options = options;
    this.decisions = new DecisionLog(options.model, options.onDecision);
  }

  get instances(): Instance[] {
    return this.#options.decode.instances;
  }

  async close(): Promise<void> {
    await this.#options.decode.close();
    await this.#options.pairs?.close();
    this.#options.onClosed?.();
  }

  generate(request: PreprocessedRequest, options: TokenCallOptions = {}): Items {
    const isSplit = (request.sampling_options.n ?? 1) > 1 && !this.#isResumed(request);
    const ask: AskChoice = (choice, own, near) => this.#single(choice, own, near);
    return isSplit ? answerChoices(request, options, ask) : ask(request, options, null);
  }

  async *#single(
    request: PreprocessedRequest,
    options: TokenCallOptions,
    near: Placement | null,
  ): Items {
    const requestId = options.requestId ?? crypto.randomUUID();
    if (isRouteQuery(request)) {
      yield* this.#answerQuery(request, { ...options, requestId });
      return;
    }
    const attempt: Attempt = {
      failed: new Set(),
      unusable: new Set(),
      cause: null,
      count: 0,
      near,
    };
    for (; ; attempt.count++) {
      const pool = this.#options.pool();
      attempt.unusable = this.#unusable(pool, options, near);
      const plan = this.#plan(request, pool, attempt);
      if (pool === null || plan.flow === "local") {
        yield* this.#local(request, { ...options, requestId }, plan, attempt);
        return;
      }
      try {
        yield* this.#joined(request, { ...options, requestId }, pool, plan, attempt);
        return;
      } catch (error) {
        if (!(error instanceof PrefillFailure)) throw error;
        options.signal?.throwIfAborted();
        this.#fail(request, error, attempt);
      }
    }
  }

  /** Who would prefill it, and the decode router's word of who would answer it; nobody is asked. */
  async *#answerQuery(
    request: PreprocessedRequest,
    options: TokenCallOptions & { readonly requestId: string },
  ): Items {
    const pool = this.#options.pool();
    const unusable = this.#unusable(pool, options, null);
    const workerIds = (pool?.workerIds ?? []).filter((id) => !unusable.has(id));
    const first = workerIds[0] === undefined ? null : { workerId: workerIds[0], dpRank: null };
    const found = pool?.router?.preview({ request, workerIds }) ?? first;
    const decision = this.decisions.add({
      ...(found === null ? planLocal("no-prefill-worker") : planPool),
      requestId: options.requestId,
      tokenCount: request.token_ids.length,
      workerId: found?.workerId ?? null,
      dpRank: found?.dpRank ?? null,
    });
    options.onPrefill?.(decision);
    yield* this.#options.decode.generate(request, { ...options, prefill: decision });
  }

  /** Remembers a failed prefill; throws what nobody could do better. */
  #fail(request: PreprocessedRequest, failure: PrefillFailure, attempt: Attempt): void {
    const { cause, workerId } = failure;
    const pin = request.routing?.prefill_worker_id;
    if (DynError.is(cause)) {
      if (pin != null && cause.code === "DYN_RUNTIME_UNKNOWN_INSTANCE") throw unknownWorker(pin);
      // What the request did wrong is wrong everywhere.
      if (cause.status < 500 && !cause.retryable) throw cause;
    }
    if (!this.#options.prefillsItself && attempt.count + 1 >= mostAttempts) throw cause;
    this.#options.onPrefillFailed?.(failure);
    attempt.cause = failure;
    if (workerId === null) attempt.count = mostAttempts;
    else attempt.failed.add(workerId);
  }

  /** An answer that was begun elsewhere goes on where it is: its workers know best what they have of it. */
  #isResumed(request: PreprocessedRequest): boolean {
    return this.#options.prefillsItself && readResumeField(request) !== null;
  }

  #plan(request: PreprocessedRequest, pool: PrefillPool | null, attempt: Attempt): Plan {
    if (this.#isResumed(request)) return planLocal("resumed");
    const { conditional = null, router, prefillsItself } = this.#options;
    const { failed, unusable, cause } = attempt;
    const pin = request.routing?.prefill_worker_id ?? null;
    const knownIds = pool?.workerIds ?? [];
    // Nobody waits for a prefill worker to come back who can do without it.
    const mayWait = !prefillsItself || pin !== null;
    const askedIds = mayWait ? knownIds : (pool?.readyIds ?? []);
    const workerIds = askedIds.filter((id) => !failed.has(id) && !unusable.has(id));
    if (pool === null || workerIds.length === 0 || attempt.count >= mostAttempts) {
      if (cause !== null) return planLocal("prefill-failed");
      if (knownIds.length === 0) return planLocal("no-prefill-worker");
      return planLocal(knownIds.every((id) => unusable.has(id)) ? "mismatched" : "prefill-failed");
    }
    if (pin !== null && unusable.has(BigInt(pin))) return planLocal("mismatched");
    return planPrefill(request, {
      conditional: prefillsItself ? conditional : null,
      decode: { router, workerIds: this.instances.map(({ instanceId }) => instanceId) },
      prefill: { router: pool.router, workerIds },
    });
  }

  /** Prefill workers from which the decode worker, where it is known, or all of them cannot take over. */
  #unusable(
    pool: PrefillPool | null,
    { instanceId }: TokenCallOptions,
    near: Placement | null,
  ): ReadonlySet<bigint> {
    const { pairs } = this.#options;
    if (pool === null || pairs === undefined) return new Set();
    return pairs.unusable(pool.workers, instanceId ?? near?.decodeId ?? null);
  }

  async *#local(
    request: PreprocessedRequest,
    options: TokenCallOptions & { readonly requestId: string },
    plan: Plan,
    { near, cause }: Attempt,
  ): Items {
    if (!this.#options.prefillsItself) throw cause?.cause ?? noPrefillWorker(request.model);
    const { requestId } = options;
    const tokenCount = request.token_ids.length;
    const decision = this.decisions.add({
      ...plan,
      ...{ requestId, tokenCount, workerId: null, dpRank: null },
    });
    options.onPrefill?.(decision);
    yield* this.#decode(request, { ...options, prefill: decision }, near);
  }

  async *#joined(
    request: PreprocessedRequest,
    options: TokenCallOptions & { readonly requestId: string },
    pool: PrefillPool,
    plan: Plan,
    attempt: Attempt,
  ): Items {
    const { signal, requestId, trace, metadata } = options;
    const leg = pool.begin(request, {
      requestId,
      ...(trace === undefined ? {} : { trace }),
      ...(metadata === undefined ? {} : { metadata }),
      avoid: new Set([...attempt.failed, ...attempt.unusable]),
      ...pinOf(request, pool, attempt),
    });
    const decoding = new AbortController();
    const leave = () => {
      leg.end();
      decoding.abort(signal?.reason);
    };
    signal?.addEventListener("abort", leave, { once: true });
    if (signal?.aborted) leave();
    let isOver = false;
    try {
      const handover = await leg.handover;
      const { workerId, dpRank, flow } = handover;
      const tokenCount = request.token_ids.length;
      const decision = this.decisions.add({
        ...plan,
        ...{ flow, requestId, tokenCount, workerId, dpRank },
      });
      options.onPrefill?.(decision);
      const strangers = this.#options.pairs?.strangers(pool.workers, workerId) ?? [];
      const avoid = new Set([...(options.avoid ?? []), ...strangers]);
      yield* this.#decodeBeside(leg, decoding, toDecodeRequest(request, handover), attempt.near, {
        ...options,
        ...(avoid.size === 0 ? {} : { avoid }),
        prefill: decision,
      });
      isOver = true;
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    } finally {
      signal?.removeEventListener("abort", leave);
      if (isOver) leg.release();
      else leg.end();
    }
  }

  /**
   * A prefill that fails before the first token takes the decode with it; behind it, it has done its work, and one that
   * nobody came to meet is not left waiting.
   */
  async *#decodeBeside(
    leg: PrefillLeg,
    decoding: AbortController,
    request: PreprocessedRequest,
    near: Placement | null,
    options: TokenCallOptions,
  ): Items {
    let hasBegun = false;
    leg.onFailed(() => {
      if (!hasBegun) decoding.abort();
    });
    try {
      const stream = this.#decode(request, { ...options, signal: decoding.signal }, near);
      for await (const item of stream) {
        if (!hasBegun && isAnswer(item)) {
          hasBegun = true;
          leg.release();
          this.#tellHandedOver(leg, options);
        }
        yield withCachedTokens(item, leg.cachedTokens);
      }
    } catch (error) {
      throw (hasBegun ? null : leg.failure) ?? error;
    }
    if (!hasBegun && leg.failure !== null && !options.signal?.aborted) throw leg.failure;
  }

  /** Two workers say that their part is done at nearly the same moment: either word may come first. */
  #tellHandedOver(leg: PrefillLeg, { onHandedOver }: TokenCallOptions): void {
    const firstTokenMs = performance.now();
    leg.onPrefilled((prefilledMs) => {
      const seconds = Math.max(0, firstTokenMs - prefilledMs) / 1000;
      this.#options.onHandedOver?.(seconds);
      onHandedOver?.(seconds);
    });
  }

  /** At the worker of the other choices where there are any: it may be gone meanwhile, and that is a loss like any. */
  async *#decode(
    request: PreprocessedRequest,
    options: TokenCallOptions,
    near: Placement | null,
  ): Items {
    const { decode } = this.#options;
    if (near === null || options.instanceId !== undefined) {
      yield* decode.generate(request, options);
      return;
    }
    try {
      yield* decode.generate(request, { ...options, instanceId: near.decodeId });
    } catch (error) {
      if (!DynError.is(error) || error.code !== "DYN_RUNTIME_UNKNOWN_INSTANCE") throw error;
      throw new UnavailableError("The worker of the other choices has left.", {
        code: "DYN_RUNTIME_CANNOT_CONNECT",
        cause: error,
      });
    }
  }
}

/** `close` closes the decode client and `pairs`; pools are closed by who made them. */
export function createDisaggregatedClient(
  options: DisaggregatedClientOptions,
): DisaggregatedClient {
  return new DisaggregatedClient(options);
}

/** The worker that the request names, else that of its other choices. */
function pinOf(
  { routing }: PreprocessedRequest,
  pool: PrefillPool,
  { near, failed }: Attempt,
): { readonly instanceId?: bigint } {
  const named = routing?.prefill_worker_id;
  if (named != null) return { instanceId: BigInt(named) };
  const id = near?.prefillId ?? null;
  return id !== null && pool.workerIds.includes(id) && !failed.has(id) ? { instanceId: id } : {};
}
