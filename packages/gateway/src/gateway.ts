import type { Socket } from "node:net";
import { createFrontendMetrics } from "@dyn/metrics";
import type { ModelCard } from "@dyn/protocol";
import { completeConditionalSettings, completeRouterSettings } from "@dyn/router";
import type { InstanceMembers } from "@dyn/runtime";
import { noTracer, traceIds } from "@dyn/tracing";
import type { ApiKeyEntry } from "./door/api-key.ts";
import { Door } from "./door/door.ts";
import type { GatewayContext } from "./gateway-context.ts";
import type { GatewayOptions } from "./gateway-options.ts";
import { HttpServer } from "./http/http-server.ts";
import { Router } from "./http/router.ts";
import { defaultLimits } from "./limits.ts";
import { type GatewayLogger, stderrLogger } from "./logger.ts";
import { createPrefillPool } from "./models/create-prefill-pool.ts";
import { ModelDirectory } from "./models/model-directory.ts";
import { createModelPipeline } from "./models/model-pipeline.ts";
import { tellModel } from "./models/tell-model.ts";
import { checkParsers } from "./postprocess/output-reading.ts";
import { createRoutes } from "./routes/create-routes.ts";
import { defaultSettings } from "./settings.ts";
import { LocalThresholds } from "./thresholds/threshold-book.ts";

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
      stages: options.stageSettings ?? {},
      conditional: options.conditionalDisagg
        ? completeConditionalSettings(options.conditionalDisagg)
        : null,
    };
    const { settings: all, stages } = routing;
    for (const of of [all, stages.prefill ?? {}, stages.decode ?? {}]) completeRouterSettings(of);
    const thresholds = options.shared?.thresholds ?? new LocalThresholds();
    const setThresholds = (model: string, set = thresholds.get(model)) => {
      if (set === undefined) return;
      for (const holder of this.#models.known(model)?.thresholdHolders() ?? []) {
        holder.setThresholds(set);
      }
    };
    thresholds.onChange(setThresholds);
    // Older releases of Dynamo set it at the worker.
    const migrationLimit = (card: ModelCard) =>
      Math.max(options.migration?.limit ?? 0, card.migrationLimit ?? 0);
    const common = {
      runtime,
      routing,
      metrics: options.metrics,
      logger,
    };
    const clientOf = (members: InstanceMembers) => ({
      client: {
        members,
        ...(options.inhibitMs === undefined ? {} : { inhibitMs: options.inhibitMs }),
        ...(options.cpuRatio === undefined ? {} : { cpuRatio: options.cpuRatio }),
        ...(options.shared === undefined ? {} : { sharedLoad: options.shared.loads }),
      },
    });
    this.#models = new ModelDirectory({
      discovery: runtime.planes.discovery,
      ...(options.servesNamespace === undefined
        ? {}
        : { servesNamespace: options.servesNamespace }),
      createPrefillPool: (card, members) =>
        createPrefillPool({
          card,
          ...common,
          ...clientOf(members),
          timeoutMs: settings.prefillTimeoutMs,
        }),
      createPipeline: (card, members, prefillPool) =>
        createModelPipeline({
          card,
          ...common,
          ...clientOf(members),
          prefillPool,
          parsers: options.parsers,
          chatTemplate: options.chatTemplate,
          migration: {
            limit: migrationLimit(card),
            maxSeqLen: options.migration?.maxSeqLen ?? card.migrationMaxSeqLen,
            streamTimeoutMs: settings.backendStreamTimeoutMs,
            onMigrated: (migration) => {
              const { model, type, cause, trace } = migration;
              metrics.migrated(model, type);
              logger.warn("A request goes on at another worker.", {
                model,
                type,
                cause: cause.code,
                ...traceIds(trace),
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
      onReady: (card) => {
        tellModel(metrics, card, migrationLimit(card));
        // Its router may have been made before they were set.
        setThresholds(card.displayName);
      },
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
      tracer: options.tracer ?? noTracer,
      routing,
      thresholds,
      nowMs,
      servesNamespace: options.servesNamespace ?? (() => true),
    };
    const routes = createRoutes(context, {
      paths: options.paths ?? {},
      isDraining: () => this.#server.isDraining,
    });
    this.#door = new Door({
      keys: options.keys ?? null,
      concurrentRequests: limits.concurrentRequests,
      overloadStatus: settings.overloadStatus,
      ...(options.shared === undefined ? {} : { accounts: options.shared.accounts }),
    });
    this.#logger = logger;
    this.#isSecure = options.tls !== undefined;
    this.#server = new HttpServer({
      router: new Router(routes),
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

/** Nothing listens and nobody is followed until `listen`. The runtime stays the caller's: close it after the gateway. */
export function createGateway(options: GatewayOptions): Gateway {
  return new Gateway(options);
}
