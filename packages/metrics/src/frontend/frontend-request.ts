import type { FrontendFamilies } from "./frontend-families.ts";
import type { RequestSeries } from "./request-series.ts";

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

/** One open request. What it costs is a few additions; labels are looked up for those alone that fail. */
export class FrontendRequest {
  readonly #series: RequestSeries;
  readonly #families: FrontendFamilies;
  readonly #now: () => number;
  readonly #startedMs: number;
  #queued = true;
  #finished = false;

  constructor(
    series: RequestSeries,
    parts: { readonly families: FrontendFamilies; readonly now: () => number },
  ) {
    this.#series = series;
    this.#families = parts.families;
    this.#now = parts.now;
    this.#startedMs = parts.now();
    series.started.add(1);
    series.active.add(1);
    series.inflight.add(1);
    series.queued.add(1);
  }

  /** The first tokens came, `ttftSeconds` after the request's start. Once. */
  firstToken(ttftSeconds: number, tokenCount = 1): void {
    this.#series.timeToFirstToken.observe(ttftSeconds, 1);
    this.#series.outputTokensTotal.add(tokenCount);
    this.#leaveQueue();
  }

  /** A later step brought `tokenCount` tokens, `intervalSeconds` after the one before. */
  tokens(tokenCount: number, intervalSeconds: number): void {
    if (tokenCount <= 0) return;
    this.#series.interTokenLatency.observe(intervalSeconds / tokenCount, tokenCount);
    this.#series.outputTokensTotal.add(tokenCount);
  }

  /** The request ended. Later calls change nothing, so that a `finally` may call it too. */
  finish(outcome: RequestOutcome): void {
    if (this.#finished) return;
    this.#finished = true;
    const series = this.#series;
    this.#leaveQueue();
    series.active.add(-1);
    series.inflight.add(-1);
    if (outcome.errorType === null) series.succeeded.add(1);
    else this.#countFailure(outcome.errorType);
    series.duration.observe((this.#now() - this.#startedMs) / 1000, 1);
    const { inputTokens, outputTokens, cachedTokens } = outcome;
    if (inputTokens !== undefined) series.inputTokens.observe(inputTokens, 1);
    if (outputTokens !== undefined) series.outputTokens.observe(outputTokens, 1);
    if (cachedTokens !== undefined) series.cachedTokens.observe(cachedTokens, 1);
  }

  #countFailure(errorType: ErrorType): void {
    const { requests, cancellations } = this.#families;
    const { model, endpoint, requestType } = this.#series.labels;
    requests.series(model, endpoint, requestType, "error", errorType).add(1);
    if (errorType === "cancelled") {
      cancellations.inc({ model, endpoint, request_type: requestType });
    }
  }

  #leaveQueue(): void {
    if (!this.#queued) return;
    this.#queued = false;
    this.#series.queued.add(-1);
  }
}
