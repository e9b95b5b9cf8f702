import type { WorkerFacts } from "./facts/worker-facts.ts";
import type { RunningWorker } from "./start-worker.ts";

export type WorkerReport = WorkerFacts & {
  readonly model: string;
  readonly endpoint: string;
  readonly system?: string;
  readonly startSeconds: number;
};

/** The facts of a started worker, for its log and for start-up tables. */
export function describeWorker({ card, facts, startMs, systemUrl }: RunningWorker): WorkerReport {
  return {
    model: card.displayName,
    ...facts,
    endpoint: card.endpoint,
    ...(systemUrl === null ? {} : { system: systemUrl }),
    startSeconds: Math.round(startMs / 10) / 100,
  };
}
