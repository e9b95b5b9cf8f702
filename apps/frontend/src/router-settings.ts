// How the frontend routes, from its options.
import { ArgsError, type FrontendArgs, readPolicyFile } from "@dyn/args";
import type { GatewayOptions } from "@dyn/gateway";
import {
  applyPolicyFile,
  type ConditionalSettings,
  defaultConditionalSettings,
  optionsToSettings,
} from "@dyn/router";

/** The mode, and settings: all of the KV router's in mode kv. */
export async function routerSettings({
  values,
}: FrontendArgs): Promise<
  Pick<
    GatewayOptions,
    "routerMode" | "routerSettings" | "stageSettings" | "cpuRatio" | "conditionalDisagg"
  >
> {
  const { router } = values;
  const mode = router.loadAware ? "kv" : router.routerMode;
  if (mode === "kv") {
    return {
      routerMode: "kv",
      conditionalDisagg: conditionalSettings(router),
      ...(await settingsByStage(router)),
    };
  }
  refuseOutsideKv(router);
  // Busy workers are left out in every mode.
  const { thresholds } = optionsToSettings(router);
  return {
    routerMode: mode,
    cpuRatio: router.encoderCudaToCpuRatio,
    ...(thresholds === undefined ? {} : { routerSettings: { thresholds } }),
  };
}

type RouterValues = FrontendArgs["values"]["router"];

/** A policy file may choose otherwise among prefill and among decode workers; without one all stages are alike. */
async function settingsByStage(
  router: RouterValues,
): Promise<Pick<GatewayOptions, "routerSettings" | "stageSettings">> {
  const { routerPrefillPolicy, routerDecodePolicy } = router;
  const flags = optionsToSettings(router);
  const file = await readPolicyFile(router);
  if (file === null) return { routerSettings: flags };
  const { document, path } = file;
  return {
    routerSettings: applyPolicyFile(document, flags, path),
    stageSettings: {
      prefill: applyPolicyFile(document, flags, path, {
        stage: "prefill",
        name: routerPrefillPolicy,
      }),
      decode: applyPolicyFile(document, flags, path, { stage: "decode", name: routerDecodePolicy }),
    },
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
    "--router-queue-threshold": router.routerQueueThreshold,
    "--router-session-affinity-ttl-secs": router.routerSessionAffinityTtlSecs ?? null,
    "--router-policy-config": router.routerPolicyConfig ?? null,
    "--router-prefill-policy": router.routerPrefillPolicy ?? null,
    "--router-decode-policy": router.routerDecodePolicy ?? null,
    "--serve-indexer": router.serveIndexer || null,
    "--use-remote-indexer": router.useRemoteIndexer || null,
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
