import type { WorkerArgs } from "@dyn/args";
import type { EngineOptions } from "@dyn/engine";

/** The scheduler's options in the engine's spelling. */
export function engineSettings(args: WorkerArgs): EngineOptions {
  const { engine } = args.values;
  return {
    policy: engine.enablePriorityScheduling ? "priority" : engine.schedulePolicy,
    maxQueuedRequests: engine.maxQueuedRequests ?? null,
    maxPrefillTokens: engine.maxPrefillTokens,
    chunkedPrefillSize: engine.chunkedPrefillSize === -1 ? null : engine.chunkedPrefillSize,
    scheduleConservativeness: engine.scheduleConservativeness,
    priorityPreemptionThreshold: engine.disablePriorityPreemption
      ? null
      : engine.prioritySchedulingPreemptionThreshold,
    disableRadixCache: engine.disableRadixCache,
    randomSeed: engine.randomSeed ?? null,
    ...(engine.maxRunningRequests === undefined
      ? {}
      : { maxRunningRequests: engine.maxRunningRequests }),
    ...(engine.maxTotalTokens === undefined ? {} : { maxTotalTokens: engine.maxTotalTokens }),
  };
}
