// The last steps of a start, the same for all workers that make vectors: probe, serve, show, announce.
import type { EmbeddingEngine } from "@dyn/engine";
import { isRealAnswer, traceHandler } from "@dyn/handlers";
import { createEmbeddingMetrics, type MetricsRegistry } from "@dyn/metrics";
import { InternalError, type ModelCard } from "@dyn/protocol";
import { parseEndpointId, RequestContext, type RequestHandler } from "@dyn/runtime";
import { choosePayload } from "../health/choose-payload.ts";
import { RequestGuard } from "../health/request-guard.ts";
import { watchHealth } from "../health/watch-health.ts";
import { announceModel } from "../init/announce-model.ts";
import { reportEngineDeath } from "../system/report-engine-death.ts";
import { RequestPage } from "../system/request-page.ts";
import type { WatchedEngine } from "../system/watched-engine.ts";
import type { SizeNotes } from "./size-notes.ts";
import type { VectorWorker, VectorWorkerParts } from "./vector-worker-parts.ts";

/** Nobody finds a worker that has not answered its probe. */
export async function serveVectors<Item>(
  { args, logger, runtime, system, tracer, admission }: VectorWorkerParts,
  worker: {
    readonly engine: EmbeddingEngine;
    readonly card: ModelCard;
    readonly handler: RequestHandler<unknown, Item>;
    readonly notes: SizeNotes;
    /** The request that such a worker is probed with. */
    readonly probe: Readonly<Record<string, unknown>>;
  },
): Promise<VectorWorker> {
  const { engine, card, notes } = worker;
  const handler = reportEngineDeath(worker.handler, system?.health ?? null);
  await answerProbe(handler, worker.probe);
  const requests = new RequestPage({ card, workerId: runtime.instanceId.toString(16) });
  const guard = new RequestGuard();
  const traced = traceHandler(handler, tracer);
  const served = await runtime.endpoint(card.endpoint).serve(guard.wrap(traced), {
    admission: admission ?? undefined,
    observer: requests.observer(parseEndpointId(card.endpoint).endpoint),
  });
  const showMetrics = (registry: MetricsRegistry) => {
    requests.show(registry);
    notes.add(
      createEmbeddingMetrics(registry, { model: card.displayName }, () => engine.metrics()),
    );
  };
  const watched: WatchedEngine = { showMetrics, readProgress: () => readProgress(engine) };
  system?.watch(watched, card, admission);
  await announceModel(served, card, system);
  const watch = watchHealth({
    args,
    logger,
    health: system?.health ?? null,
    served,
    guard,
    handler: handler as RequestHandler<unknown, unknown>,
    payload: await choosePayload(worker.probe, args.values.worker.healthCheckPayload, logger),
    readProgress: () => watched.readProgress(),
    isPaused: () => false,
  });
  return { engine, card, showMetrics, endHealthWatch: () => watch.close() };
}

async function answerProbe<Item>(
  handler: RequestHandler<unknown, Item>,
  probe: object,
): Promise<void> {
  for await (const { data } of handler(probe, new RequestContext())) if (isRealAnswer(data)) return;
  throw new InternalError("The worker did not answer its own probe.");
}

function readProgress(engine: EmbeddingEngine) {
  const { runningPrompts, waitingPrompts, batches, finishedRequests, abortedRequests } =
    engine.metrics();
  return {
    isBusy: runningPrompts + waitingPrompts > 0,
    stepCount: batches + finishedRequests + abortedRequests,
  };
}
