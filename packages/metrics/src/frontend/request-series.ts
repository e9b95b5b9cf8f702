// What the requests of one kind count in: looked up once, and changed as plain numbers from then on.
import type { SeriesTotal } from "../registry/series-totals.ts";
import type { WeightedSeries } from "../registry/weighted-histogram.ts";
import type { FrontendFamilies } from "./frontend-families.ts";

export interface RequestLabels {
  readonly model: string;
  /** `chat_completions`, `completions`, ... */
  readonly endpoint: string;
  readonly requestType: "stream" | "unary";
}

export interface RequestSeries {
  readonly labels: RequestLabels;
  readonly started: SeriesTotal;
  readonly succeeded: SeriesTotal;
  readonly active: SeriesTotal;
  readonly inflight: SeriesTotal;
  readonly queued: SeriesTotal;
  readonly outputTokensTotal: SeriesTotal;
  readonly timeToFirstToken: WeightedSeries;
  readonly interTokenLatency: WeightedSeries;
  readonly duration: WeightedSeries;
  readonly inputTokens: WeightedSeries;
  readonly outputTokens: WeightedSeries;
  readonly cachedTokens: WeightedSeries;
}

export function createRequestSeries(
  labels: RequestLabels,
  families: FrontendFamilies,
): RequestSeries {
  const { model, endpoint, requestType } = labels;
  return {
    labels,
    started: families.requestsStarted.series(model, endpoint, requestType),
    succeeded: families.requests.series(model, endpoint, requestType, "success", ""),
    active: families.activeRequests.series(model),
    inflight: families.inflightRequests.series(model),
    queued: families.queuedRequests.series(model),
    outputTokensTotal: families.outputTokensTotal.series(model),
    timeToFirstToken: families.timeToFirstToken.series(model),
    interTokenLatency: families.interTokenLatency.series(model),
    duration: families.requestDuration.series(model),
    inputTokens: families.inputTokens.series(model),
    outputTokens: families.outputTokens.series(model),
    cachedTokens: families.cachedTokens.series(model),
  };
}
