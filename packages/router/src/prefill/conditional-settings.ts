import { InvalidArgumentError } from "@dyn/protocol";

export const conditionalPolicies = ["isl_bounding", "prefill_load", "isl_or_load"] as const;
export type ConditionalPolicy = (typeof conditionalPolicies)[number];

/** When a decode worker prefills by itself although prefill workers are there. Names and defaults are the reference's. */
export interface ConditionalSettings {
  /** `isl_bounding`: few tokens to compute. `prefill_load`: the prefill worker is busy. `isl_or_load`: either. */
  readonly policy: ConditionalPolicy;
  /** Tokens that the decode worker would have to compute: it does below this, and below the ratio too. */
  readonly uncachedTokens: number;
  /** The same as a share of the prompt, 0 to 1. */
  readonly uncachedRatio: number;
  /** A prefill worker is busy above this share of its largest batch; `null`: by the router's own thresholds. */
  readonly prefillBusy: number | null;
  /** A decode worker above this share of its KV blocks prefills nothing by itself; `null`: no such bound. */
  readonly decodeBusy: number | null;
}

/** What `--router-conditional-disagg` does that is not told otherwise. */
export const defaultConditionalSettings: ConditionalSettings = Object.freeze({
  policy: "isl_bounding",
  uncachedTokens: 2048,
  uncachedRatio: 0.7,
  prefillBusy: null,
  decodeBusy: null,
});

/** Throws an InvalidArgumentError that names the setting. */
export function completeConditionalSettings(
  settings: Partial<ConditionalSettings>,
): ConditionalSettings {
  const complete = { ...defaultConditionalSettings, ...settings };
  const { uncachedTokens, uncachedRatio, prefillBusy, decodeBusy } = complete;
  check("eff_isl_threshold", uncachedTokens, Number.POSITIVE_INFINITY);
  check("eff_isl_ratio_threshold", uncachedRatio, 1);
  check("prefill_busy_threshold", prefillBusy ?? 0, Number.POSITIVE_INFINITY);
  check("decode_busy_threshold", decodeBusy ?? 0, Number.POSITIVE_INFINITY);
  return complete;
}

function check(name: string, value: number, most: number): void {
  if (value >= 0 && value <= most) return;
  const range = most === 1 ? "a share from 0 to 1" : "a number from 0 on";
  throw new InvalidArgumentError(`${name} is ${value}; give ${range}.`, { param: name });
}
