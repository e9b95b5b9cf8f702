import { InvalidArgumentError } from "@dyn/protocol";

/**
 * `counted`: as Dynamo 1.6.1 does. Prompt tokens count until the first token of the answer, a block of a running request as
 * much as one to prefill. `estimated`: tokens that a rank must have done by now, at the pace it had, count no more, and a
 * running block counts by how full the rank's KV is.
 */
export type LoadModel = "estimated" | "counted";

/** Weights of the cost function (Dynamo 1.6.1, `--router-*`). */
export interface CostSettings {
  /** Worth of a block that a worker has on its device. */
  readonly overlapScoreCredit: number;
  /** How fast that falls with the prefill that waits at the worker, beyond the least loaded one. */
  readonly overlapScoreCreditDecay: number;
  readonly prefillLoadScale: number;
  readonly decodeActiveRequestWeight: number;
  readonly hostCacheHitWeight: number;
  readonly diskCacheHitWeight: number;
  /** 0 takes the best. */
  readonly temperature: number;
  readonly trackPrefillTokens: boolean;
  readonly trackActiveBlocks: boolean;
  readonly loadModel: LoadModel;
}

/** How a router weighs that is not told otherwise. */
export const defaultCostSettings: CostSettings = Object.freeze({
  overlapScoreCredit: 1,
  overlapScoreCreditDecay: 0,
  prefillLoadScale: 1,
  decodeActiveRequestWeight: 0,
  hostCacheHitWeight: 0.75,
  diskCacheHitWeight: 0.25,
  temperature: 0,
  trackPrefillTokens: true,
  trackActiveBlocks: true,
  loadModel: "estimated",
});

/**
 * A cost without any load sends everything that shares a prefix to one worker, so settings that leave none are refused.
 * Throws an InvalidArgumentError.
 */
export function checkCostSettings(settings: CostSettings): CostSettings {
  for (const [name, value] of Object.entries(settings)) {
    if (typeof value === "number" && !(value >= 0 && Number.isFinite(value))) {
      throw new InvalidArgumentError(`The router's ${name} is ${value}; give a number from 0 on.`, {
        param: name,
      });
    }
  }
  const countsPrefill = settings.trackPrefillTokens && settings.prefillLoadScale > 0;
  if (countsPrefill || settings.trackActiveBlocks || settings.decodeActiveRequestWeight > 0) {
    return settings;
  }
  throw new InvalidArgumentError(
    "These router settings leave no load in the cost, so requests with a common prefix would all go to one worker. " +
      "Keep router-track-active-blocks, or router-track-prefill-tokens with a prefill load scale above 0, or set router-decode-active-request-weight.",
    { param: "router-track-active-blocks", code: "DYN_ROUTER_NO_LOAD_TERM" },
  );
}
