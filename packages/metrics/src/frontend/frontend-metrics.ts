// What the HTTP room counts. Labels come from the caller as they are: names of models that are not served
// must arrive as UNKNOWN_MODEL, or every typo of a client becomes a series.
import type { Gauge } from "prom-client";
import type { MetricsRegistry } from "../registry/metrics-registry.ts";
import type { SeriesTotal } from "../registry/series-totals.ts";
import type { WeightedSeries } from "../registry/weighted-histogram.ts";
import {
  createFrontendFamilies,
  defaultFrontendBuckets,
  type FrontendBuckets,
  type FrontendFamilies,
} from "./frontend-families.ts";
import { FrontendRequest } from "./frontend-request.ts";
import { createRequestSeries, type RequestLabels, type RequestSeries } from "./request-series.ts";

/** The model label of requests for models that are not served. */
export const UNKNOWN_MODEL = "unknown_model";

export interface FrontendMetricsOptions {
  /** Default `dynamo_frontend`; an underscore follows it. */
  readonly prefix?: string;
  readonly buckets?: Partial<FrontendBuckets>;
  /** Milliseconds, never going back. Default performance.now. */
  readonly now?: () => number;
}

/** What a model card says; what is left out is not shown. */
export interface ModelConfigMetrics {
  readonly contextLength?: number;
  readonly kvBlockSize?: number;
  readonly totalKvBlocks?: number;
  readonly maxRunningRequests?: number;
  readonly maxBatchedTokens?: number;
  readonly migrationLimit?: number;
}

interface StageSeries {
  readonly requests: SeriesTotal;
  readonly duration: WeightedSeries;
}

interface LookupSeries {
  readonly cachedTokens: SeriesTotal;
  readonly uncachedTokens: SeriesTotal;
  cacheBytes: number;
}

/** The families of which each process has one child. */
function childrenOf(families: FrontendFamilies) {
  return {
    template: families.template.series(),
    tokenize: families.tokenize.series(),
    tokenizeLatency: families.tokenizerLatency.series("tokenize"),
    detokenizeLatency: families.tokenizerLatency.series("detokenize"),
    detokenizeMicroseconds: families.detokenizeMicroseconds.series(),
    detokenizedTokens: families.detokenizedTokens.series(),
    cacheHits: families.tokenizerCacheHits.series(),
    cacheMisses: families.tokenizerCacheMisses.series(),
  };
}

export class FrontendMetrics {
  readonly #families: FrontendFamilies;
  readonly #children: ReturnType<typeof childrenOf>;
  /** By what their labels say, as are the others. */
  readonly #requests = new Map<string, RequestSeries>();
  readonly #stages = new Map<string, StageSeries>();
  readonly #lookups = new Map<string, LookupSeries>();
  readonly #now: () => number;

  constructor(registry: MetricsRegistry, options: FrontendMetricsOptions = {}) {
    const buckets = { ...defaultFrontendBuckets, ...options.buckets };
    this.#families = createFrontendFamilies(registry, options.prefix ?? "dynamo_frontend", buckets);
    this.#children = childrenOf(this.#families);
    this.#now = options.now ?? (() => performance.now());
    registry.onRender(() => {
      const { tokenizerCacheBytes } = this.#families;
      for (const [model, { cacheBytes }] of this.#lookups) {
        tokenizerCacheBytes.set({ model }, cacheBytes);
      }
    });
  }

  /** A request has been read; its duration runs from here. */
  requestStarted(labels: RequestLabels): FrontendRequest {
    const { model, endpoint, requestType } = labels;
    const key = `${requestType} ${endpoint} ${model}`;
    let series = this.#requests.get(key);
    if (series === undefined) {
      series = createRequestSeries(labels, this.#families);
      this.#requests.set(key, series);
    }
    return new FrontendRequest(series, { families: this.#families, now: this.#now });
  }

  /** Beside `finish` of the request: what kind of failure it was, in detail. */
  failed(failureClass: string, reason: string): void {
    this.#families.failures.inc({ class: failureClass, reason });
  }

  /** A client went away before its answer ended. */
  clientDisconnected(): void {
    this.#families.disconnectedClients.inc();
  }

  /** Refused because every worker was busy. */
  modelRejection(model: string, endpoint: string): void {
    this.#families.rejections.inc({ model, endpoint });
  }

  /** A request goes on at another worker: `new_request` before its first token, `ongoing_request` after it. */
  migrated(model: string, migrationType: "new_request" | "ongoing_request"): void {
    this.#families.migrations.inc({ model, migration_type: migrationType });
  }

  /** A request is over the length that may go on elsewhere. */
  tooLongToMigrate(model: string): void {
    this.#families.tooLongToMigrate.inc({ model });
  }

  /** A request enters a stage; call the result once when it leaves. `phase` may be empty. */
  stageEntered(stage: string, phase = ""): () => void {
    const { requests, duration } = this.#stage(stage, phase);
    const enteredMs = this.#now();
    requests.add(1);
    return () => {
      requests.add(-1);
      duration.observe((this.#now() - enteredMs) / 1000, 1);
    };
  }

  templateRendered(seconds: number): void {
    this.#children.template.observe(seconds, 1);
  }

  promptTokenized(seconds: number): void {
    this.#children.tokenize.observe(seconds, 1);
    this.#children.tokenizeLatency.observe(seconds * 1000, 1);
  }

  /** One prompt went through the tokenizer's cache; one too short to be looked for is neither hit nor miss. */
  promptLookedUp(
    model: string,
    lookup: {
      readonly cachedTokens: number;
      readonly uncachedTokens: number;
      readonly wasLookedUp: boolean;
      /** All that the cache holds now. */
      readonly cacheBytes: number;
    },
  ): void {
    if (lookup.cachedTokens > 0) this.#children.cacheHits.add(1);
    else if (lookup.wasLookedUp) this.#children.cacheMisses.add(1);
    const series = this.#lookup(model);
    series.cachedTokens.add(lookup.cachedTokens);
    series.uncachedTokens.add(lookup.uncachedTokens);
    series.cacheBytes = lookup.cacheBytes;
  }

  /** Once per request, with the sums over its steps. */
  answerDetokenized(seconds: number, tokenCount: number): void {
    this.#children.detokenizeLatency.observe(seconds * 1000, 1);
    this.#children.detokenizeMicroseconds.add(Math.round(seconds * 1e6));
    this.#children.detokenizedTokens.add(tokenCount);
  }

  modelConfigured(model: string, config: ModelConfigMetrics): void {
    for (const [gauge, value] of this.#configGauges(config)) {
      if (value === undefined) gauge.remove({ model });
      else gauge.set({ model }, value);
    }
  }

  modelReady(model: string, ready: boolean): void {
    this.#families.modelReady.set({ model }, ready ? 1 : 0);
  }

  /** The model is not served any more: its gauges go, its counters stay. */
  modelRemoved(model: string): void {
    this.#families.modelReady.remove({ model });
    this.#lookups.delete(model);
    this.#families.tokenizerCacheBytes.remove({ model });
    for (const [gauge] of this.#configGauges({})) gauge.remove({ model });
  }

  #stage(stage: string, phase: string): StageSeries {
    const key = `${stage} ${phase}`;
    let series = this.#stages.get(key);
    if (series === undefined) {
      const { stageRequests, stageDuration } = this.#families;
      series = {
        requests: stageRequests.series(stage, phase),
        duration: stageDuration.series(stage),
      };
      this.#stages.set(key, series);
    }
    return series;
  }

  #lookup(model: string): LookupSeries {
    let series = this.#lookups.get(model);
    if (series === undefined) {
      const { tokenizerCachedTokens, tokenizerUncachedTokens } = this.#families;
      series = {
        cachedTokens: tokenizerCachedTokens.series(model),
        uncachedTokens: tokenizerUncachedTokens.series(model),
        cacheBytes: 0,
      };
      this.#lookups.set(model, series);
    }
    return series;
  }

  #configGauges(config: ModelConfigMetrics): [Gauge, number | undefined][] {
    const families = this.#families;
    return [
      [families.modelContextLength, config.contextLength],
      [families.modelBlockSize, config.kvBlockSize],
      [families.modelTotalBlocks, config.totalKvBlocks],
      [families.modelMaxSequences, config.maxRunningRequests],
      [families.modelMaxBatchedTokens, config.maxBatchedTokens],
      [families.modelMigrationLimit, config.migrationLimit],
    ];
  }
}

/** Adds the frontend's families to a registry; once per registry and prefix. */
export function createFrontendMetrics(
  registry: MetricsRegistry,
  options?: FrontendMetricsOptions,
): FrontendMetrics {
  return new FrontendMetrics(registry, options);
}
