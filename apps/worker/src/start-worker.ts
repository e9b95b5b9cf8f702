// A worker from its arguments: model, engine, and the init file of its type.
import { resolve } from "node:path";
import { refuseUnsupported, type WorkerArgs } from "@dyn/args";
import type { EngineInfo, EngineMetrics } from "@dyn/engine";
import type { Logger } from "@dyn/logging";
import { loadModelConfig, type ModelConfig, resolveModel } from "@dyn/model-files";
import type { ModelCard } from "@dyn/protocol";
import { DistributedRuntime, type Planes, parseEndpointId } from "@dyn/runtime";
import { cardParsers } from "./card/card-parsers.ts";
import { createModelCard } from "./card/create-model-card.ts";
import { readCardFiles } from "./card/read-card-files.ts";
import { readTopology } from "./card/read-topology.ts";
import { textParsers } from "./card/text-parsers.ts";
import { createAdmission } from "./engine/create-admission.ts";
import { createEngine, type WorkerEngine } from "./engine/create-engine.ts";
import { startEvents, type WorkerEvents } from "./events/start-events.ts";
import { initGenerate } from "./init/init-generate.ts";
import { initPrefill } from "./init/init-prefill.ts";
import { supportedOptions } from "./supported-options.ts";
import { startSystem, type WorkerSystem } from "./system/start-system.ts";

export interface WorkerContext {
  readonly args: WorkerArgs;
  readonly planes: Planes;
  readonly logger: Logger;
  /** Aborted when the start is given up. */
  readonly signal: AbortSignal;
}

export interface RunningWorker {
  readonly card: ModelCard;
  readonly config: ModelConfig;
  readonly engine: EngineInfo;
  /** Milliseconds from the call to being in discovery. */
  readonly startMs: number;
  /** Of the system server; `null` when it is off. */
  readonly systemUrl: string | null;
  metrics(): EngineMetrics;
  /**
   * Out of discovery first, engine last; requests that run may finish in between.
   * `complete: false`: the time for it ran out, and some had to go on elsewhere.
   */
  drain(): Promise<{ readonly complete: boolean }>;
}

export async function startWorker(context: WorkerContext): Promise<RunningWorker> {
  const { args, logger } = context;
  const begun = performance.now();
  refuseUnsupported(args, supportedOptions);
  if (args.values.worker.useSglangTokenizer) textParsers(args);
  else cardParsers(args);
  for (const notice of args.notices) logger.warn(notice);
  const system = await startSystem(args, logger);
  try {
    return await startServing(context, system, begun);
  } catch (error) {
    await system?.close();
    throw error;
  }
}

async function startServing(
  context: WorkerContext,
  system: WorkerSystem | null,
  begun: number,
): Promise<RunningWorker> {
  const { args, planes, signal } = context;
  const { engine: options } = args.values;
  const model = await resolveModel(options.modelPath, {
    ...(options.revision === undefined ? {} : { revision: options.revision }),
    ...(options.downloadDir === undefined
      ? {}
      : { env: { ...process.env, HF_HUB_CACHE: options.downloadDir } }),
    signal,
  });
  const config = await loadModelConfig(model.path);
  const tokenizerDirectory = resolve(options.tokenizerPath ?? model.path);
  const { engine, ...made } = await createEngine(
    args,
    { modelDirectory: model.path, tokenizerDirectory, config },
    signal,
  );
  const runtime = new DistributedRuntime(planes);
  const shutdown = new AbortController();
  let events: WorkerEvents | null = null;
  try {
    const files = await readCardFiles({
      modelDirectory: model.path,
      tokenizerDirectory,
      chatTemplateFile: args.values.worker.customJinjaTemplate ?? options.chatTemplate ?? null,
    });
    const card = createModelCard({
      args,
      modelDirectory: tokenizerDirectory,
      engine: engine.info,
      files,
      topology: await readTopology(args, signal),
    });
    events = await startEvents({
      args,
      runtime,
      engine,
      endpoint: card.endpoint,
      logger: context.logger,
    });
    void made.handOverFailed.then((error) => {
      context.logger.error("KV cannot be handed over any more", { error: error.message });
      system?.health.addCheck("hand-over", () => error.message);
    });
    const init = args.derived.workerType === "prefill" ? initPrefill : initGenerate;
    const serving = await init({
      args,
      runtime,
      engine,
      card,
      system,
      admission: createAdmission(args),
      tokenizerDirectory,
      shutdown: shutdown.signal,
      logger: context.logger,
    });
    const parts = { runtime, engine: made, card, system, shutdown, events, serving };
    return {
      card,
      config,
      engine: engine.info,
      startMs: performance.now() - begun,
      systemUrl: system?.url ?? null,
      metrics: () => engine.metrics(),
      drain: () => drain(context, parts),
    };
  } catch (error) {
    await events?.leave();
    await runtime.close();
    await made.close();
    await events?.close();
    throw error;
  }
}

/** Below zero means none (Dynamo 1.6.1). */
function gracePeriodMs({ values }: WorkerArgs): number {
  return Math.max(0, values.system.gracePeriod) * 1000;
}

async function drain(
  { args, logger, planes }: WorkerContext,
  parts: {
    readonly runtime: DistributedRuntime;
    readonly engine: Pick<WorkerEngine, "close">;
    readonly card: ModelCard;
    readonly system: WorkerSystem | null;
    readonly shutdown: AbortController;
    readonly events: WorkerEvents;
    readonly serving: { close(): Promise<void> };
  },
): Promise<{ readonly complete: boolean }> {
  const { runtime, engine, card, system, shutdown, events, serving } = parts;
  system?.health.setEndpoint(parseEndpointId(card.endpoint).endpoint, "notready");
  const timeoutMs = args.values.process.gracefulShutdownTimeout * 1000;
  // In memory everybody knows at once; elsewhere a frontend may send before it hears that we left.
  const graceMs = planes.discovery.kind === "mem" ? 0 : gracePeriodMs(args);
  logger.info("draining", { graceSeconds: graceMs / 1000, timeoutSeconds: timeoutMs / 1000 });
  await events.leave();
  const { complete } = await runtime.drain({
    drainTimeoutMs: timeoutMs,
    graceMs,
    onTimeout: () => {
      logger.warn("requests still run: their frontends move them to another worker", {
        afterSeconds: timeoutMs / 1000,
      });
      shutdown.abort();
    },
  });
  await engine.close();
  await serving.close();
  await events.close();
  await system?.close();
  return { complete };
}
