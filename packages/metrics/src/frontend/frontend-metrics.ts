// What the HTTP room counts. Labels come from the caller as they are: names of models that are not served
// must arrive as UNKNOWN_MODEL, or every typo of a client becomes a series.
import type { Gauge } from "prom-client";
import type { MetricsRegistry } from "../registry/metrics-registry.ts";
import {
  createFrontendFamilies,
  defaultFrontendBuckets,
  type FrontendBuckets,
  type FrontendFamilies,
} from "./frontend-families.ts";
import { FrontendRequest, type RequestLabels } from "./frontend-request.ts";
import { TokenTotals } from "./token-totals.ts";

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

export class FrontendMetrics {
  readonly #families: FrontendFamilies;
  readonly #tokens: TokenTotals;
  readonly #now: () => number;

  constructor(registry: MetricsRegistry, options: FrontendMetricsOptions = {}) {
    const buckets = { ...defaultFrontendBuckets, ...options.buckets };
    this.#families = createFrontendFamilies(registry, options.prefix ?? "dynamo_frontend", buckets);
    this.#tokens = new TokenTotals(this.#families.outputTokensTotal);
    this.#now = options.now ?? (() => performance.now());
    registry.onRender(() => this.#tokens.flush());
  }

  /** A request has been read; its duration runs from here. */
  requestStarted(labels: RequestLabels): FrontendRequest {
    return new FrontendRequest(labels, {
      families: this.#families,
      tokens: this.#tokens.of(labels.model),
      now: this.#now,
    });
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
    const { stageRequests, stageDuration } = this.#families;
    const enteredMs = this.#now();
    stageRequests.inc({ stage, phase });
    return () => {
      stageRequests.dec({ stage, phase });
      stageDuration.observe({ stage }, (this.#now() - enteredMs) / 1000);
    };
  }

  templateRendered(seconds: number): void {
    this.#families.template.observe(seconds);
  }

  promptTokenized(seconds: number): void {
    this.#families.tokenize.observe(seconds);
    this.#families.tokenizerLatency.observe({ operation: "tokenize" }, seconds * 1000);
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
    const families = this.#families;
    if (lookup.cachedTokens > 0) families.tokenizerCacheHits.inc();
    else if (lookup.wasLookedUp) families.tokenizerCacheMisses.inc();
    families.tokenizerCachedTokens.inc({ model }, lookup.cachedTokens);
    families.tokenizerUncachedTokens.inc({ model }, lookup.uncachedTokens);
    families.tokenizerCacheBytes.set({ model }, lookup.cacheBytes);
  }

  /** Once per request, with the sums over its steps. */
  answerDetokenized(seconds: number, tokenCount: number): void {
    this.#families.tokenizerLatency.observe({ operation: "detokenize" }, seconds * 1000);
    this.#families.detokenizeMicroseconds.inc(Math.round(seconds * 1e6));
    this.#families.detokenizedTokens.inc(tokenCount);
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
    this.#families.tokenizerCacheBytes.remove({ model });
    for (const [gauge] of this.#configGauges({})) gauge.remove({ model });
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
