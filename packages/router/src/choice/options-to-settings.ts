// `--router-*` flags as the settings of a router: the same for a frontend and for a router that is a process of its own.
import type { routerOptions } from "@dyn/args";
import type { z } from "zod";
import { defaultQueueSettings } from "../queue/request-queue.ts";
import type { RouterSettings } from "./router-settings.ts";

type RouterOptions = z.output<typeof routerOptions>;

/** The options that settings are made of: a program that takes them acts on all of these. */
export const settingOptions = [
  "routerMinInitialWorkers",
  "routerSessionAffinityTtlSecs",
  "routerSessionAffinityMode",
  "activeDecodeBlocksThreshold",
  "activePrefillTokensThreshold",
  "activePrefillTokensThresholdFrac",
  "routerKvOverlapScoreCredit",
  "routerKvOverlapScoreCreditDecay",
  "routerPrefillLoadScale",
  "routerDecodeActiveRequestWeight",
  "routerHostCacheHitWeight",
  "routerDiskCacheHitWeight",
  "routerTemperature",
  "routerKvEvents",
  "routerReplicaSync",
  "routerTrackActiveBlocks",
  "routerLoadModel",
  "routerTrackOutputBlocks",
  "routerAssumeKvReuse",
  "routerTrackPrefillTokens",
  "routerTtlSecs",
  "routerApproximateCachePolicy",
  "routerPredictedTtlSecs",
  "routerIndexBytes",
  "routerQueueThreshold",
  "routerQueuePolicy",
  "serveIndexer",
  "useRemoteIndexer",
] as const satisfies readonly (keyof RouterOptions)[];

/** What `--router-*` flags say, without the policy file. */
export function optionsToSettings(
  router: Pick<RouterOptions, (typeof settingOptions)[number]>,
): Partial<RouterSettings> {
  const seconds = (value: number | undefined) => (value === undefined ? null : value * 1000);
  const affinityMs = seconds(router.routerSessionAffinityTtlSecs);
  return {
    cost: {
      overlapScoreCredit: router.routerKvOverlapScoreCredit,
      overlapScoreCreditDecay: router.routerKvOverlapScoreCreditDecay,
      prefillLoadScale: router.routerPrefillLoadScale,
      decodeActiveRequestWeight: router.routerDecodeActiveRequestWeight,
      hostCacheHitWeight: router.routerHostCacheHitWeight,
      diskCacheHitWeight: router.routerDiskCacheHitWeight,
      temperature: router.routerTemperature,
      trackPrefillTokens: router.routerTrackPrefillTokens,
      trackActiveBlocks: router.routerTrackActiveBlocks,
      loadModel: router.routerLoadModel,
    },
    useKvEvents: router.routerKvEvents,
    useRemoteIndexer: router.useRemoteIndexer,
    serveIndexer: router.serveIndexer,
    approximateTtlMs:
      router.routerApproximateCachePolicy === "lru" ? null : router.routerTtlSecs * 1000,
    predictedTtlMs: seconds(router.routerPredictedTtlSecs),
    assumeKvReuse: router.routerAssumeKvReuse,
    trackOutputBlocks: router.routerTrackOutputBlocks,
    replicaSync: router.routerReplicaSync,
    indexBytes: router.routerIndexBytes,
    minInitialWorkers: router.routerMinInitialWorkers,
    thresholds: {
      activeDecodeBlocks: router.activeDecodeBlocksThreshold,
      activePrefillTokens: router.activePrefillTokensThreshold,
      activePrefillTokensFrac: router.activePrefillTokensThresholdFrac,
    },
    queue:
      router.routerQueueThreshold === null
        ? null
        : {
            ...defaultQueueSettings,
            policy: router.routerQueuePolicy,
            thresholdFrac: router.routerQueueThreshold,
          },
    sessions:
      affinityMs === null ? null : { ttlMs: affinityMs, mode: router.routerSessionAffinityMode },
  };
}
