// How the frontend routes, from its options.
import { readFile } from "node:fs/promises";
import { ArgsError, type FrontendArgs, loadYaml } from "@dyn/args";
import type { GatewayOptions } from "@dyn/gateway";
import {
  applyPolicyFile,
  type ConditionalSettings,
  defaultConditionalSettings,
  defaultQueueSettings,
  type RouterSettings,
} from "@dyn/router";
import { routerModes } from "@dyn/runtime";

/** The mode, and the KV router's settings in mode kv. */
export async function routerSettings({
  values,
}: FrontendArgs): Promise<
  Pick<GatewayOptions, "routerMode" | "routerSettings" | "conditionalDisagg">
> {
  const { router } = values;
  const mode = router.loadAware ? "kv" : router.routerMode;
  if (mode === "kv") {
    const { routerPolicyConfig: path } = router;
    const flags = kvSettings(router);
    return {
      routerMode: "kv",
      conditionalDisagg: conditionalSettings(router),
      routerSettings:
        path === undefined ? flags : applyPolicyFile(await readYaml(path), flags, path),
    };
  }
  refuseOutsideKv(router);
  const known = routerModes.find((it) => it === mode);
  if (known !== undefined) return { routerMode: known };
  throw new ArgsError(
    "UNSUPPORTED_FLAG",
    `--router-mode ${mode} is not part of this release; it has ${routerModes.join(", ")}, kv.`,
    { flag: "--router-mode" },
  );
}

type RouterValues = FrontendArgs["values"]["router"];

function kvSettings(router: RouterValues): Partial<RouterSettings> {
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
    },
    useKvEvents: router.routerKvEvents,
    approximateTtlMs:
      router.routerApproximateCachePolicy === "lru" ? null : router.routerTtlSecs * 1000,
    predictedTtlMs: seconds(router.routerPredictedTtlSecs),
    assumeKvReuse: router.routerAssumeKvReuse,
    trackOutputBlocks: router.routerTrackOutputBlocks,
    replicaSync: router.routerReplicaSync,
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

/** `null`: prompts are always prefilled by prefill workers where there are any. */
function conditionalSettings(router: RouterValues): Partial<ConditionalSettings> | null {
  if (!router.routerConditionalDisagg) return null;
  const config = router.routerConditionalDisaggConfig ?? {};
  return {
    policy: config.policy ?? defaultConditionalSettings.policy,
    uncachedTokens: config.eff_isl_threshold ?? defaultConditionalSettings.uncachedTokens,
    uncachedRatio: config.eff_isl_ratio_threshold ?? defaultConditionalSettings.uncachedRatio,
    prefillBusy: config.prefill_busy_threshold ?? null,
    decodeBusy: config.decode_busy_threshold ?? null,
  };
}

/** Elsewhere these would do nothing, and nobody would say so. */
function refuseOutsideKv(router: RouterValues): void {
  const wanted = {
    "--active-decode-blocks-threshold": router.activeDecodeBlocksThreshold,
    "--active-prefill-tokens-threshold": router.activePrefillTokensThreshold,
    "--active-prefill-tokens-threshold-frac": router.activePrefillTokensThresholdFrac,
    "--router-queue-threshold": router.routerQueueThreshold,
    "--router-session-affinity-ttl-secs": router.routerSessionAffinityTtlSecs ?? null,
    "--router-policy-config": router.routerPolicyConfig ?? null,
    "--router-conditional-disagg": router.routerConditionalDisagg || null,
  };
  const flag = Object.entries(wanted).find(([, value]) => value !== null)?.[0];
  if (flag === undefined) return;
  throw new ArgsError(
    "UNSUPPORTED_FLAG",
    `${flag} needs --router-mode kv; the mode is ${router.routerMode}. Set that mode, or leave the flag out.`,
    { flag },
  );
}

async function readYaml(path: string): Promise<unknown> {
  try {
    return loadYaml().parse(await readFile(path, "utf8"));
  } catch (error) {
    throw new ArgsError("CONFIG_FILE", `--router-policy-config ${path} cannot be read: ${error}`, {
      flag: "--router-policy-config",
    });
  }
}
