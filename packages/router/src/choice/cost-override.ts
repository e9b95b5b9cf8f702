// What a request says of its own routing: `router_config_override`, or `nvext.router`.
import { InvalidArgumentError } from "@dyn/protocol";
import { z } from "zod";
import { type CostSettings, checkCostSettings } from "../cost/cost-settings.ts";

const weight = z.number().min(0).nullish();
const Override = z.looseObject({
  overlap_score_credit: weight,
  /** Older: the scale of the prefill load; 0 takes the credit off too. */
  overlap_score_weight: weight,
  overlap_score_credit_decay: weight,
  prefill_load_scale: weight,
  router_temperature: weight,
  track_prefill_tokens: z.boolean().nullish(),
});

/** The settings for this request. Unknown keys are passed over. Throws an InvalidArgumentError. */
export function overrideCost(settings: CostSettings, override: unknown): CostSettings {
  if (override == null) return settings;
  const parsed = Override.safeParse(override);
  if (!parsed.success) {
    throw new InvalidArgumentError(
      `The request's router settings are not valid: ${z.prettifyError(parsed.error)}`,
      { param: "nvext.router" },
    );
  }
  const wire = parsed.data;
  const legacy = wire.overlap_score_weight;
  return checkCostSettings({
    ...settings,
    overlapScoreCredit:
      wire.overlap_score_credit ?? (legacy === 0 ? 0 : settings.overlapScoreCredit),
    overlapScoreCreditDecay: wire.overlap_score_credit_decay ?? settings.overlapScoreCreditDecay,
    prefillLoadScale: wire.prefill_load_scale ?? legacy ?? settings.prefillLoadScale,
    temperature: wire.router_temperature ?? settings.temperature,
    trackPrefillTokens: wire.track_prefill_tokens ?? settings.trackPrefillTokens,
  });
}
