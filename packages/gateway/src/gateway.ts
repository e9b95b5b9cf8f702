import type { Socket } from "node:net";
import { createFrontendMetrics, type FrontendMetrics, type MetricsRegistry } from "@dyn/metrics";
import type { ModelCard } from "@dyn/protocol";
import {
  type BusyThresholds,
  type ConditionalSettings,
  completeConditionalSettings,
  completeRouterSettings,
  type RouterSettings,
} from "@dyn/router";
import type { DistributedRuntime, RouterMode, SharedLoad } from "@dyn/runtime";
import type { Accounts } from "./door/accounts.ts";
import type { ApiKeyEntry } from "./door/api-key.ts";
import { Door } from "./door/door.ts";
import type { GatewayContext } from "./gateway-context.ts";
import { HttpServer, type HttpTls } from "./http/http-server.ts";
import { type Route, Router } from "./http/router.ts";
import { defaultLimits, type GatewayLimits } from "./limits.ts";
import { type GatewayLogger, stderrLogger } from "./logger.ts";
import { createPrefillPool } from "./models/create-prefill-pool.ts";
import { ModelDirectory } from "./models/model-directory.ts";
import { createModelPipeline } from "./models/model-pipeline.ts";
import { checkParsers, type ModelParsers } from "./postprocess/output-reading.ts";
import { busyThresholdRoutes } from "./routes/busy-threshold.ts";
import { chatCompletionsRoute } from "./routes/chat-completions.ts";
import { completionsRoute } from "./routes/completions.ts";
import { debugRoutingRoute } from "./routes/debug-routing.ts";
import { docsRoutes } from "./routes/docs.ts";
import { embeddingsRoute } from "./routes/embeddings.ts";
import { healthRoutes } from "./routes/health.ts";
import { messagesRoutes } from "./routes/messages.ts";
import { metricsRoute } from "./routes/metrics.ts";
import { modelRoutes } from "./routes/models.ts";
import { responsesRoutes } from "./routes/responses.ts";
import { tokenizeRoutes } from "./routes/tokenize.ts";
import { defaultSettings, type GatewaySettings } from "./settings.ts";

export interface GatewayOptions {
  readonly runtime: DistributedRuntime;
  /** The registry that /metrics shows; the gateway's own metrics are added to it. */
  readonly metrics: MetricsRegistry;
  readonly limits?: Partial<GatewayLimits>;
  readonly settings?: Partial<GatewaySettings>;
  /** How workers of a model are chosen. Default `round-robin`. */
  readonly routerMode?: RouterMode | "kv";
  /** How mode kv decides; what is left out has its default. */
  readonly routerSettings?: Partial<RouterSettings>;
  /** When decode workers prefill by themselves although prefill workers are there; in mode kv. Default: never. */
  readonly conditionalDisagg?: Partial<ConditionalSettings> | null;
  /** Models of other namespaces are not served. Default: all are. */
  readonly servesNamespace?: (namespace: string) => boolean;
  /** Tried for files of a model's card that are not where it says. */
  readonly modelFilesDirectory?: string | undefined;
  /** Memory for the ids of what each model's tokenizer encoded before; 0: none. Default 64 MiB. */
  readonly tokenizerCacheBytes?: number;
  /** How long a worker that failed is left out while there are others; 0 = not at all. Default 5 000. */
  readonly inhibitMs?: number;
  /** How often a request may go on at another worker when its own is gone, up to how many tokens. Default: never. */
  readonly migration?: { readonly limit: number; readonly maxSeqLen?: number | undefined };
  /** Who may come in: keys of clients. Default: everybody. */
  readonly keys?: readonly ApiKeyEntry[];
  /** Origins whose pages browsers let in; `*` = all. Default: none. */
  readonly corsOrigins?: readonly string[];
  /** Serves HTTPS. */
  readonly tls?: HttpTls;
  /** What this gateway shares with others of the same port. Default: it is alone. */
  readonly shared?: GatewayShare;
  /** Parsers of all models by the processor's names; where one is `null`, the card's counterpart. Default: the cards' own. */
  readonly parsers?: ModelParsers;
  /** Jinja source of all models' chat template, instead of their own. */
  readonly chatTemplate?: string;
  /** Default: lines of JSON on the standard error stream. */
  readonly logger?: GatewayLogger;
  /** Wall clock in milliseconds since 1970. */
  readonly now?: () => number;
}

/** What is one for all gateways of a port; a ClusterWorker is such a share. */
export interface GatewayShare {
  /** Where the door counts. */
  readonly accounts: Accounts;
  readonly loads: SharedLoad;
  /** The page of metrics of all together. */
  page(): Promise<{ readonly contentType: string; readonly body: string }>;
}

/** The OpenAI-compatible HTTP room: serves every model that discovery knows. */
export class Gateway {
  readonly #server: HttpServer;
  readonly #models: ModelDirectory;
  readonly #door: Door;
  readonly #isSecure: boolean;
  readonly #logger: GatewayLogger;

  constructor(options: GatewayOptions) {
    const { runtime, routerMode = "round-robin", logger = stderrLogger } = options;
    const limits = { ...defaultLimits, ...options.limits };
    const settings = { ...defaultSettings, ...options.settings };
    const nowMs = options.now ?? Date.now;
    if (options.parsers !== undefined) checkParsers(options.parsers);
    const metrics = createFrontendMetrics(options.metrics);
    const routing = {
      mode: routerMode,
      settings: options.routerSettings ?? {},
      conditional: options.conditionalDisagg
        ? completeConditionalSettings(options.conditionalDisagg)
        : null,
    };
    completeRouterSettings(routing.settings);
    const thresholds = new Map<string, BusyThresholds>();
    // Older releases of Dynamo set it at the worker.
    const migrationLimit = (card: ModelCard) =>
      Math.max(options.migration?.limit ?? 0, card.migrationLimit ?? 0);
    const common = (card: ModelCard) => ({
      runtime,
      client: {
        ...(options.inhibitMs === undefined ? {} : { inhibitMs: options.inhibitMs }),
        ...(options.shared === undefined ? {} : { sharedLoad: options.shared.loads }),
      },
      routing: { ...routing, settings: settingsFor(routing.settings, thresholds, card) },
      metrics: options.metrics,
      logger,
    });
    this.#models = new ModelDirectory({
      discovery: runtime.planes.discovery,
      ...(options.servesNamespace === undefined
        ? {}
        : { servesNamespace: options.servesNamespace }),
      createPrefillPool: (card) => createPrefillPool({ card, ...common(card) }),
      createPipeline: (card, prefillPool) =>
        createModelPipeline({
          card,
          ...common(card),
          prefillPool,
          parsers: options.parsers,
          chatTemplate: options.chatTemplate,
          migration: {
            limit: migrationLimit(card),
            maxSeqLen: options.migration?.maxSeqLen ?? card.migrationMaxSeqLen,
            streamTimeoutMs: settings.backendStreamTimeoutMs,
            onMigrated: (migration) => {
              const { model, type, cause } = migration;
              metrics.migrated(model, type);
              logger.warn("A request goes on at another worker.", {
                model,
                type,
                cause: cause.code,
              });
            },
            onTooLong: (model) => metrics.tooLongToMigrate(model),
          },
          filesDirectory: options.modelFilesDirectory,
          tokenizing: {
            cacheBytes: options.tokenizerCacheBytes,
            onEncoded: (origin) => metrics.promptLookedUp(card.displayName, origin),
          },
          nowMs,
        }),
      onReady: (card) => tellModel(metrics, card, migrationLimit(card)),
      onLeft: (name) => metrics.modelRemoved(name),
      logger,
    });
    const context: GatewayContext = {
      runtime,
      models: this.#models,
      limits,
      settings,
      logger,
      metricsPage: () => options.shared?.page() ?? options.metrics.render(),
      metrics,
      routing,
      thresholds,
      nowMs,
      servesNamespace: options.servesNamespace ?? (() => true),
    };
    const routes: Route[] = [
      chatCompletionsRoute(context),
      completionsRoute(context),
      embeddingsRoute(context),
      ...responsesRoutes(context),
      ...(context.settings.anthropicApi ? messagesRoutes(context) : []),
      ...modelRoutes(context),
      ...tokenizeRoutes(context),
      ...healthRoutes(context, { isDraining: () => this.#server.isDraining }),
      metricsRoute(context),
      ...busyThresholdRoutes(context),
      debugRoutingRoute(context),
    ];
    this.#door = new Door({
      keys: options.keys ?? null,
      concurrentRequests: limits.concurrentRequests,
      overloadStatus: settings.overloadStatus,
      ...(options.shared === undefined ? {} : { accounts: options.shared.accounts }),
    });
    this.#logger = logger;
    this.#isSecure = options.tls !== undefined;
    this.#server = new HttpServer({
      router: new Router([...routes, ...docsRoutes(routes)]),
      limits,
      logger,
      door: this.#door,
      tls: options.tls ?? null,
      ...(options.corsOrigins === undefined ? {} : { corsOrigins: options.corsOrigins }),
    });
  }

  /** Other keys from now on; requests that run are left alone. */
  setKeys(keys: readonly ApiKeyEntry[]): void {
    this.#door.setKeys(keys);
  }

  /** Takes requests; models appear as discovery tells of them. Port 0 draws a free one. */
  async listen(options: {
    readonly host: string;
    readonly port: number;
  }): Promise<{ readonly url: string; readonly port: number }> {
    this.#models.start();
    const port = await this.#server.listen(options);
    const host = options.host.includes(":") ? `[${options.host}]` : options.host;
    const scheme = this.#isSecure ? "https" : "http";
    return { url: `${scheme}://${host}:${port}`, port };
  }

  /**
   * Instead of `listen`, where another process listens: gives what takes its connections. First waits until the models
   * that discovery has are ready, for so long at most: on a port that others serve too, a client must not get a 404.
   */
  async open(options: {
    readonly modelsTimeoutMs: number;
  }): Promise<{ readonly accept: (socket: Socket) => void }> {
    this.#models.start();
    await this.#catchUp(options.modelsTimeoutMs);
    return { accept: this.#server.open() };
  }

  async #catchUp(timeoutMs: number): Promise<void> {
    const signal = AbortSignal.timeout(timeoutMs);
    try {
      await this.#models.caughtUp({ signal });
    } catch (error) {
      if (!signal.aborted) throw error;
      this.#logger.warn("Not all models are ready; requests are taken nevertheless.", {
        timeoutMs,
      });
    }
  }

  /** Resolves when requests for the model can be answered; rejects with the signal's reason. */
  async waitForModel(name: string, options: { readonly signal: AbortSignal }): Promise<void> {
    await this.#models.waitFor(name, options);
  }

  /** /health says draining, new requests get 503, running ones finish. `complete`: all did in time. */
  async drain(options: { readonly timeoutMs: number }): Promise<{ readonly complete: boolean }> {
    return { complete: await this.#server.drain(options) };
  }

  /** Now: running requests are aborted, connections closed, models let go. */
  async close(): Promise<void> {
    await this.#server.close();
    await this.#models.close();
  }
}

/** With the thresholds that were set for the model since. */
function settingsFor(
  settings: Partial<RouterSettings>,
  thresholds: ReadonlyMap<string, BusyThresholds>,
  { displayName }: ModelCard,
): Partial<RouterSettings> {
  const set = thresholds.get(displayName);
  return set === undefined ? settings : { ...settings, thresholds: set };
}

function tellModel(metrics: FrontendMetrics, card: ModelCard, migrationLimit: number): void {
  const { totalKvBlocks, maxNumSeqs, maxNumBatchedTokens } = card.runtimeConfig ?? {};
  metrics.modelConfigured(card.displayName, {
    contextLength: card.contextLength,
    kvBlockSize: card.kvCacheBlockSize,
    migrationLimit,
    ...(totalKvBlocks === undefined ? {} : { totalKvBlocks }),
    ...(maxNumSeqs === undefined ? {} : { maxRunningRequests: maxNumSeqs }),
    ...(maxNumBatchedTokens === undefined ? {} : { maxBatchedTokens: maxNumBatchedTokens }),
  });
  metrics.modelReady(card.displayName, true);
}

export function createGateway(options: GatewayOptions): Gateway {
  return new Gateway(options);
}
