// A client whose streams outlive their worker. It never looks into text and never chooses the worker itself.
import type { DynError, EngineOutputItem, PreprocessedRequest } from "@dyn/protocol";
import { type Annotated, drawU53, type TraceContext } from "@dyn/runtime";
import type { TokenCallOptions, TokenClient } from "../token-client.ts";
import { DeliveredAnswer } from "./delivered-answer.ts";
import { isMigratable, isRefusalForLoad } from "./migratable.ts";
import { SilenceWatch } from "./silence-watch.ts";
import { WatchedAttempt } from "./watched-attempt.ts";

export interface Migration {
  /** Whether tokens had been delivered. */
  readonly type: "new_request" | "ongoing_request";
  readonly model: string;
  readonly cause: DynError;
  /** The instance that failed; `null` when none had been chosen. */
  readonly from: bigint | null;
  /** The request's; `null`: nobody traces it. */
  readonly trace: TraceContext | null;
}

export interface MigrationOptions {
  /** How often one request may move; 0 = never. */
  readonly limit: number;
  /** A stream that has begun and says nothing for so long, its instance in discovery, has lost its worker. Default 60 000. */
  readonly silenceMs?: number;
  /** The same for one whose instance has left discovery, begun or not: it may have been told to pause. Default 600 000. */
  readonly withdrawnSilenceMs?: number;
  /** No stream may be silent for longer, begun or not; it then fails with status 504. `null`, the default: no such limit. */
  readonly streamTimeoutMs?: number | null;
  /** A sequence of more tokens, prompt and answer, stays where it is. Default: no bound. */
  readonly maxSeqLen?: number | undefined;
  /** Before a request is sent again. */
  readonly onMigrated?: (migration: Migration) => void;
  /** A request is too long to move from now on; at most once per request. */
  readonly onTooLong?: (model: string) => void;
  /** Seeds for requests without one: 0 to 2^53 - 1. */
  readonly drawSeed?: () => number;
}

/**
 * The same `generate`, going on at another instance when one fails. What comes out is the answer that one worker would
 * have given: every token once, choices that ended left alone, usage of the whole.
 * Gives the failure itself when nobody can go on.
 */
export class MigratingClient implements TokenClient {
  readonly #client: TokenClient;
  readonly #options: MigrationOptions;
  readonly #drawSeed: () => number;
  readonly #silence: SilenceWatch;

  constructor(client: TokenClient, options: MigrationOptions) {
    this.#client = client;
    this.#options = options;
    this.#drawSeed = options.drawSeed ?? (() => Number(drawU53()));
    this.#silence = new SilenceWatch(
      {
        begunMs: options.silenceMs ?? 60_000,
        withdrawnMs: options.withdrawnSilenceMs ?? 600_000,
        timeoutMs: options.streamTimeoutMs ?? null,
      },
      () => new Set(client.instances.map(({ instanceId }) => instanceId)),
    );
  }

  get instances() {
    return this.#client.instances;
  }

  close(): Promise<void> {
    return this.#client.close();
  }

  generate(
    request: PreprocessedRequest,
    options: TokenCallOptions = {},
  ): AsyncGenerator<Annotated<EngineOutputItem>> {
    return this.#options.limit > 0
      ? this.#generate(request, options)
      : this.#send(request, options);
  }

  async *#generate(
    request: PreprocessedRequest,
    options: TokenCallOptions,
  ): AsyncGenerator<Annotated<EngineOutputItem>> {
    const answer = new DeliveredAnswer(this.#withSeed(request));
    const failed = new Set<bigint>(options.avoid);
    let cause: DynError | null = null;
    let isTooLong = this.#isTooLong(answer, request);
    for (let attempt = 0; ; attempt++) {
      let instanceId: bigint | null = null;
      const { instanceId: pin, ...unpinned } = options;
      const stream = this.#send(answer.nextRequest(), {
        ...(attempt === 0 && pin !== undefined ? { instanceId: pin } : {}),
        ...unpinned,
        avoid: failed,
        onRouted: (instance) => {
          instanceId = instance.instanceId;
          options.onRouted?.(instance);
        },
      });
      try {
        for await (const item of stream) {
          const data = item.data === undefined ? undefined : answer.accept(item.data);
          if (data === null) continue;
          yield data === undefined || data === item.data ? item : { ...item, data };
          isTooLong ||= this.#isTooLong(answer, request);
        }
        return;
      } catch (error) {
        options.signal?.throwIfAborted();
        // Nobody was there to take it: what drove it away says more.
        if (cause !== null && instanceId === null) throw cause;
        if (!isMigratable(error)) throw error;
        cause = error;
      }
      for (const data of answer.endCompleteChoices()) yield { data };
      if (answer.isComplete) return;
      if (instanceId !== null) failed.add(instanceId);
      if (isTooLong || attempt >= this.#options.limit || !this.#canMove(cause, failed)) throw cause;
      this.#options.onMigrated?.({
        type: answer.hasTokens ? "ongoing_request" : "new_request",
        model: request.model,
        cause,
        from: instanceId,
        trace: options.trace ?? null,
      });
    }
  }

  /** One attempt; a worker that falls silent fails it like one that is gone. */
  #send(
    request: PreprocessedRequest,
    options: TokenCallOptions,
  ): AsyncGenerator<Annotated<EngineOutputItem>> {
    const { signal, onRouted } = options;
    const attempt = new AbortController();
    const abort = () => attempt.abort(signal?.reason);
    return new WatchedAttempt({
      open: () => {
        signal?.addEventListener("abort", abort, { once: true });
        if (signal?.aborted) abort();
        const watched = this.#silence.add(() => attempt.abort());
        const stream = this.#client.generate(request, {
          ...options,
          signal: attempt.signal,
          onRouted: (instance) => {
            watched.instanceId = instance.instanceId;
            onRouted?.(instance);
          },
        });
        return { stream, watched };
      },
      closed: () => signal?.removeEventListener("abort", abort),
    });
  }

  #canMove(cause: DynError, failed: ReadonlySet<bigint>): boolean {
    if (!isRefusalForLoad(cause)) return true;
    return this.#client.instances.some(({ instanceId }) => !failed.has(instanceId));
  }

  #isTooLong(answer: DeliveredAnswer, { model }: PreprocessedRequest): boolean {
    const { maxSeqLen = Number.POSITIVE_INFINITY, onTooLong } = this.#options;
    if (answer.sequenceLength <= maxSeqLen) return false;
    onTooLong?.(model);
    return true;
  }

  #withSeed(request: PreprocessedRequest): PreprocessedRequest {
    const sampling = request.sampling_options;
    if (sampling.seed != null || sampling.temperature === 0) return request;
    return { ...request, sampling_options: { ...sampling, seed: this.#drawSeed() } };
  }
}

/** `close` closes `client`. */
export function createMigratingClient(
  client: TokenClient,
  options: MigrationOptions,
): MigratingClient {
  return new MigratingClient(client, options);
}
