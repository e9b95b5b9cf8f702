import type { RunningWorker } from "./start-worker.ts";

export type WorkerReport = ReturnType<typeof describeWorker>;

/** The facts of a started worker, for its log and for start-up tables. */
export function describeWorker({ card, config, engine, startMs, systemUrl }: RunningWorker) {
  const kvTokens = engine.pageCount * engine.pageSize;
  return {
    model: card.displayName,
    architecture: config.architecture,
    engine: engine.kind,
    dtype: engine.dtype,
    weightMb: round(engine.weightBytes / 1e6),
    contextLength: engine.contextLength,
    kvTokens,
    kvMb: round((kvTokens * engine.kvBytesPerToken) / 1e6),
    pageSize: engine.pageSize,
    maxRunningRequests: engine.maxRunningRequests,
    endpoint: card.endpoint,
    ...(systemUrl === null ? {} : { system: systemUrl }),
    startSeconds: round(startMs / 1000),
  };
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
