import type { WeightedSeries } from "../registry/weighted-histogram.ts";
import type { FrontendFamilies } from "./frontend-families.ts";
import type { TokenTotal } from "./token-totals.ts";

export interface RequestLabels {
  readonly model: string;
  /** `chat_completions`, `completions`, ... */
  readonly endpoint: string;
  readonly requestType: "stream" | "unary";
}

/** Why a request failed, as the error_type label says it. */
export type ErrorType =
  | "validation"
  | "not_found"
  | "overload"
  | "unavailable"
  | "cancelled"
  | "internal"
  | "not_implemented";

export interface RequestOutcome {
  /** `null` = success. */
  readonly errorType: ErrorType | null;
  /** Token counts where they are known. */
  readonly inputTokens?: number;
  readonly outputTokens?: number;
  readonly cachedTokens?: number;
}

/** One open request. Per step it costs a few additions; prom-client is touched at its start, first token and end. */
export class FrontendRequest {
  readonly #labels: RequestLabels;
  readonly #families: FrontendFamilies;
  readonly #total: TokenTotal;
  readonly #latency: WeightedSeries;
  readonly #now: () => number;
  readonly #startedMs: number;
  #queued = true;
  #finished = false;

  constructor(
    labels: RequestLabels,
    parts: { families: FrontendFamilies; tokens: TokenTotal; now: () => number },
  ) {
    const { model } = labels;
    const { families } = parts;
    this.#labels = labels;
    this.#families = families;
    this.#total = parts.tokens;
    this.#latency = families.interTokenLatency.series(model);
    this.#now = parts.now;
    this.#startedMs = parts.now();
    families.requestsStarted.inc(this.#requestLabels());
    families.activeRequests.inc({ model });
    families.inflightRequests.inc({ model });
    families.queuedRequests.inc({ model });
  }

  /** The first tokens came, `ttftSeconds` after the request's start. Once. */
  firstToken(ttftSeconds: number, tokenCount = 1): void {
    this.#families.timeToFirstToken.observe({ model: this.#labels.model }, ttftSeconds);
    this.#total.pending += tokenCount;
    this.#leaveQueue();
  }

  /** A later step brought `tokenCount` tokens, `intervalSeconds` after the one before. */
  tokens(tokenCount: number, intervalSeconds: number): void {
    if (tokenCount <= 0) return;
    this.#latency.observe(intervalSeconds / tokenCount, tokenCount);
    this.#total.pending += tokenCount;
  }

  /** The request ended. Later calls change nothing, so that a `finally` may call it too. */
  finish(outcome: RequestOutcome): void {
    if (this.#finished) return;
    this.#finished = true;
    const { model } = this.#labels;
    const families = this.#families;
    this.#leaveQueue();
    families.activeRequests.dec({ model });
    families.inflightRequests.dec({ model });
    families.requests.inc({
      ...this.#requestLabels(),
      status: outcome.errorType === null ? "success" : "error",
      error_type: outcome.errorType ?? "",
    });
    if (outcome.errorType === "cancelled") families.cancellations.inc(this.#requestLabels());
    families.requestDuration.observe({ model }, (this.#now() - this.#startedMs) / 1000);
    const { inputTokens, outputTokens, cachedTokens } = outcome;
    if (inputTokens !== undefined) families.inputTokens.observe({ model }, inputTokens);
    if (outputTokens !== undefined) families.outputTokens.observe({ model }, outputTokens);
    if (cachedTokens !== undefined) families.cachedTokens.observe({ model }, cachedTokens);
  }

  #leaveQueue(): void {
    if (!this.#queued) return;
    this.#queued = false;
    this.#families.queuedRequests.dec({ model: this.#labels.model });
  }

  #requestLabels() {
    const { model, endpoint, requestType } = this.#labels;
    return { model, endpoint, request_type: requestType };
  }
}
