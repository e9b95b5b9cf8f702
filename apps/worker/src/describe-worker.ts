import type { ModelCard } from "@dyn/protocol";
import { formatAddress } from "@dyn/runtime";
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
    ...roleOf(card),
    endpoint: card.endpoint,
    ...(systemUrl === null ? {} : { system: systemUrl }),
    startSeconds: round(startMs / 1000),
  };
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

/** What sets the worker apart from one that does everything by one engine. */
function roleOf({ workerType = "aggregated", runtimeConfig = {} }: ModelCard) {
  const { dataParallelSize = 1, disaggregatedEndpoint: meeting } = runtimeConfig;
  return {
    ...(workerType === "aggregated" ? {} : { role: workerType }),
    ...(meeting === undefined
      ? {}
      : { bootstrap: formatAddress(meeting.bootstrapHost, meeting.bootstrapPort) }),
    ...(dataParallelSize === 1 ? {} : { dpSize: dataParallelSize }),
  };
}
