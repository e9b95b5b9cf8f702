// One prefill at a worker of the pool: its answer is read here, and never by a client.
import { DynError, type EngineOutputItem, InternalError, UnavailableError } from "@dyn/protocol";
import type { Annotated } from "@dyn/runtime";
import { type Handover, handoverFields } from "./handover.ts";

/** From the first token of an answer until its prefill, which should be over, is ended. */
const releaseMs = 1_000;

/** The prefill did not come to its end. `cause`: why; `workerId`: who failed, `null` when nobody had been chosen. */
export class PrefillFailure extends Error {
  readonly workerId: bigint | null;
  constructor(cause: unknown, workerId: bigint | null) {
    super("A prefill failed.", { cause });
    this.workerId = workerId;
  }
}

export interface PrefillChosen {
  readonly workerId: bigint;
  readonly dpRank: number | null;
  /** `null`: the worker says in its first item. */
  readonly fields: Handover["fields"] | null;
}

export class PrefillLeg {
  /** What the decode worker is told; rejects with a PrefillFailure. */
  readonly handover: Promise<Handover>;
  readonly #end = new AbortController();
  /** Tells the worker alone: whoever waits hears of a failure. */
  readonly #giveUp = new AbortController();
  #deadline: NodeJS.Timeout | null = null;
  #cachedTokens: number | null = null;
  #prefilledMs: number | null = null;
  #failure: PrefillFailure | null = null;
  #isReleased = false;
  #onFailed: ((failure: PrefillFailure) => void) | null = null;
  #onPrefilled: ((atMs: number) => void) | null = null;

  /**
   * `open`: begins the call, under the signal; `chosen` is called before the worker is asked. `timeoutMs`: until the prompt
   * must be computed, else the prefill fails with status 504; `null`: it may take its time.
   */
  constructor(
    open: (
      signal: AbortSignal,
      chosen: (choice: PrefillChosen) => void,
    ) => AsyncIterable<Annotated<EngineOutputItem>>,
    timeoutMs: number | null = null,
  ) {
    if (timeoutMs !== null) {
      this.#deadline = setTimeout(() => this.#giveUp.abort(prefillTimeout(timeoutMs)), timeoutMs);
      this.#deadline.unref();
      this.#end.signal.addEventListener("abort", () => this.#stopWaiting(), { once: true });
    }
    this.handover = new Promise((resolve, reject) => {
      void this.#run(open, resolve).catch((failure: PrefillFailure) => {
        this.#failure = failure;
        reject(failure);
        if (!this.#end.signal.aborted) this.#onFailed?.(failure);
      });
    });
    // A leg that is left behind has nobody who waits for it.
    this.handover.catch(() => {});
  }

  /** Prompt tokens that the prefill worker had cached; `null`: not said yet. */
  get cachedTokens(): number | null {
    return this.#cachedTokens;
  }

  get failure(): PrefillFailure | null {
    return this.#failure;
  }

  /** Called when the prefill fails, before or behind the hand-over, unless it was ended; at once when it has. */
  onFailed(listener: (failure: PrefillFailure) => void): void {
    this.#onFailed = listener;
    if (this.#failure !== null && !this.#end.signal.aborted) listener(this.#failure);
  }

  /**
   * Called once, with the time on the clock of performance.now, when the worker has said that the prompt is computed; at
   * once when it has already. Not for a prefill that fails or is ended before.
   */
  onPrefilled(listener: (atMs: number) => void): void {
    this.#onPrefilled = listener;
    if (this.#prefilledMs !== null) listener(this.#prefilledMs);
  }

  /** The worker is told that nobody waits for it any more. */
  end(): void {
    this.#end.abort();
  }

  /** The answer has begun: what the worker still has to finish it may, and is not told to forget the prompt. */
  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    setTimeout(() => this.end(), releaseMs).unref();
  }

  async #run(
    open: ConstructorParameters<typeof PrefillLeg>[0],
    handOver: (handover: Handover) => void,
  ): Promise<void> {
    let choice: PrefillChosen | null = null;
    let isHandedOver = false;
    const hand = (flow: Handover["flow"], fields: Handover["fields"]) => {
      isHandedOver = true;
      handOver({ flow, workerId: choice!.workerId, dpRank: choice!.dpRank, fields });
    };
    try {
      const signal = AbortSignal.any([this.#end.signal, this.#giveUp.signal]);
      const stream = open(signal, (chosen) => {
        choice = chosen;
        if (chosen.fields !== null) hand("concurrent", chosen.fields);
      });
      for await (const { data } of stream) {
        if (data === undefined) continue;
        refuseFailed(data);
        this.#note(data);
        const fields = isHandedOver ? null : handoverFields(data);
        if (fields !== null) hand("prefill-first", fields);
      }
      this.#giveUp.signal.throwIfAborted();
      if (!isHandedOver) throw nothingSaid();
      if (!this.#end.signal.aborted) this.#prefilled();
    } catch (error) {
      const cause = this.#giveUp.signal.aborted ? this.#giveUp.signal.reason : error;
      throw new PrefillFailure(cause, (choice as PrefillChosen | null)?.workerId ?? null);
    } finally {
      this.#stopWaiting();
    }
  }

  #stopWaiting(): void {
    if (this.#deadline !== null) clearTimeout(this.#deadline);
    this.#deadline = null;
  }

  #prefilled(): void {
    if (this.#prefilledMs !== null) return;
    this.#prefilledMs = performance.now();
    this.#stopWaiting();
    this.#onPrefilled?.(this.#prefilledMs);
  }

  /** Workers of SGLang show no token: what they had cached they say behind the prompt's last step. */
  #note(item: EngineOutputItem): void {
    const { engine_data: data, completion_usage: usage } = item;
    const hit = data?.kv_cache_hit as { reused_tokens?: unknown } | null | undefined;
    const count = hit?.reused_tokens ?? usage?.prompt_tokens_details?.cached_tokens;
    if (typeof count === "number") this.#cachedTokens = count;
    if (item.token_ids.length > 0 || item.finish_reason != null || hit != null) this.#prefilled();
  }
}

function refuseFailed({ finish_reason: reason }: EngineOutputItem): void {
  if (reason == null || reason === "stop" || reason === "length" || reason === "eos") return;
  if (typeof reason === "object" || reason === "error") {
    const said = typeof reason === "object" ? reason.error : "no reason given";
    throw new InternalError(`The prefill worker could not prefill: ${said}`);
  }
  throw new UnavailableError(`The prefill worker gave the request up (${reason}).`, {
    code: "DYN_ROUTER_PREFILL_ABORTED",
  });
}

function prefillTimeout(timeoutMs: number): DynError {
  return new DynError(
    `The prefill worker did not compute the prompt within the ${timeoutMs / 1000} s that this server gives one.`,
    { code: "DYN_ROUTER_PREFILL_TIMEOUT", status: 504, retryable: true },
  );
}

function nothingSaid(): DynError {
  return new UnavailableError(
    "The prefill worker ended without a word of where its KV is (disaggregated_params).",
    { code: "DYN_ROUTER_NO_HANDOVER" },
  );
}
