// A worker from its arguments: model, engine, and the init file of its type.
import { resolve } from "node:path";
import type { WorkerArgs } from "@dyn/args";
import type { Logger } from "@dyn/logging";
import type { MetricsRegistry } from "@dyn/metrics";
import { loadModelConfig } from "@dyn/model-files";
import type { ModelCard } from "@dyn/protocol";
import { DistributedRuntime, type Planes } from "@dyn/runtime";
import { createTracer, type Tracer } from "@dyn/tracing";
import { createModelCard } from "./card/create-model-card.ts";
import { readCardFiles } from "./card/read-card-files.ts";
import { readTopology } from "./card/read-topology.ts";
import { checkOptions } from "./check-options.ts";
import { drainWorker } from "./drain-worker.ts";
import { createAdmission } from "./engine/create-admission.ts";
import { createEngine } from "./engine/create-engine.ts";
import { startEvents, type WorkerEvents } from "./events/start-events.ts";
import { generateFacts, type WorkerFacts } from "./facts/worker-facts.ts";
import { initGenerate } from "./init/init-generate.ts";
import { initPrefill } from "./init/init-prefill.ts";
import { resolveWorkerModel } from "./model/resolve-worker-model.ts";
import type { PeerWatch } from "./peers/peer-watch.ts";
import { watchPeers } from "./peers/watch-peers.ts";
import { EnginePage } from "./system/engine-page.ts";
import { startSystem, type WorkerSystem } from "./system/start-system.ts";
import { startVectorWorker } from "./vectors/start-vector-worker.ts";

export interface WorkerContext {
  readonly args: WorkerArgs;
  readonly planes: Planes;
  readonly logger: Logger;
  /** Aborted when the start is given up. */
  readonly signal: AbortSignal;
}

/** What stands before the model is looked at. */
export interface WorkerStart {
  readonly system: WorkerSystem | null;
  readonly tracer: Tracer;
  /** When the start began, by performance.now(). */
  readonly begun: number;
}

export interface RunningWorker {
  readonly card: ModelCard;
  readonly facts: WorkerFacts;
  /** Milliseconds from the call to being in discovery. */
  readonly startMs: number;
  /** Of the system server; `null` when it is off. */
  readonly systemUrl: string | null;
  /** Adds the engine's families to a registry of the caller's. */
  showMetrics(registry: MetricsRegistry): void;
  /**
   * Out of discovery first, engine last; requests that run may finish in between.
   * `complete: false`: the time for it ran out, and some had to go on elsewhere.
   */
  drain(): Promise<{ readonly complete: boolean }>;
}

export async function startWorker(context: WorkerContext): Promise<RunningWorker> {
  const { args, logger } = context;
  const begun = performance.now();
  const { workerType } = args.derived;
  const isVectorWorker = workerType === "embedding" || workerType === "rerank";
  checkOptions(args);
  for (const notice of args.notices) logger.warn(notice);
  const system = await startSystem(args, logger, context.planes.discovery);
  const tracer = await createTracer(args.values.process, {
    serviceName: "dyn-worker",
    onProblem: (message) => logger.warn(message),
  });
  try {
    const start = isVectorWorker ? startVectorWorker : startServing;
    return await start(context, { system, tracer, begun });
  } catch (error) {
    await system?.close();
    await tracer.close();
    throw error;
  }
}

async function startServing(
  context: WorkerContext,
  { system, tracer, begun }: WorkerStart,
): Promise<RunningWorker> {
  const { args, planes, signal } = context;
  const { engine: options } = args.values;
  const model = await resolveWorkerModel(args, signal);
  const config = await loadModelConfig(model.path);
  const tokenizerDirectory = resolve(options.tokenizerPath ?? model.path);
  const { engine, ...made } = await createEngine(
    args,
    { modelDirectory: model.path, tokenizerDirectory, config },
    context.logger,
    signal,
  );
  const loadSeconds = (performance.now() - begun) / 1000;
  const runtime = new DistributedRuntime(planes);
  const shutdown = new AbortController();
  let started: WorkerEvents | null = null;
  let peers: PeerWatch | null = null;
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
      architecturalContextLength: config.contextLength,
      files,
      topology: await readTopology(args, signal),
    });
    const events = await startEvents({
      args,
      runtime,
      engine,
      endpoint: card.endpoint,
      logger: context.logger,
    });
    started = events;
    void made.handOverFailed.then((error) => {
      context.logger.error("KV cannot be handed over any more", { error: error.message });
      system?.health.addCheck("hand-over", () => error.message);
    });
    const workerId = runtime.instanceId.toString(16);
    const page = new EnginePage({ engine, card, workerId, loadSeconds });
    made.onRoomEnded((record) => page.roomEnded(record));
    const { logger } = context;
    const watch = watchPeers({ discovery: planes.discovery, logger, card, page, system });
    peers = watch;
    const init = args.derived.workerType === "prefill" ? initPrefill : initGenerate;
    const serving = await init({
      args,
      runtime,
      engine,
      weightVersion: { current: options.weightVersion },
      card,
      config,
      system,
      page,
      tracer,
      admission: createAdmission(args),
      tokenizerDirectory,
      shutdown: shutdown.signal,
      logger: context.logger,
    });
    const parts = { runtime, card, system, tracer, shutdown };
    return {
      card,
      facts: generateFacts(config, engine.info, card),
      startMs: performance.now() - begun,
      systemUrl: system?.url ?? null,
      showMetrics: (registry) => page.showMetrics(registry),
      drain: () =>
        drainWorker(context, {
          ...parts,
          leave: async () => {
            await watch?.close();
            await events.leave();
          },
          closeEngine: async () => {
            await made.close();
            await serving.close();
            await events.close();
          },
        }),
    };
  } catch (error) {
    await peers?.close();
    await started?.leave();
    await runtime.close();
    await made.close();
    await started?.close();
    throw error;
  }
}
