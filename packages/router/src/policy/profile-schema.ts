// A profile as it stands in a policy file: `type: dyn-profile`.
import { z } from "zod";
import type { CostSettings } from "../cost/cost-settings.ts";
import { checkProfile, type Profile, type ProfileFilter, scorerTypes } from "./profile.ts";

const weight = z.number().min(0);

const Filter = z.discriminatedUnion("type", [
  z.strictObject({
    type: z.literal("imbalance"),
    bound: z.number().min(1).default(2),
    at_least: z.number().int().min(1).default(8),
  }),
  z.strictObject({
    type: z.literal("prefix"),
    min_share: z.number().min(0).max(1).default(0.5),
    unless_uneven: z
      .strictObject({ absolute: weight.default(32), relative: weight.default(1.1) })
      .optional(),
  }),
  z.strictObject({ type: z.literal("least-loaded"), slack: z.number().int().min(0).default(0) }),
]);

const Scorer = z.discriminatedUnion("type", [
  z.strictObject({
    type: z.literal("prefill"),
    weight: weight.optional(),
    overlap_score_credit: weight.optional(),
    overlap_score_credit_decay: weight.optional(),
    host_cache_hit_weight: weight.optional(),
    disk_cache_hit_weight: weight.optional(),
  }),
  z.strictObject({
    type: z.enum(scorerTypes).exclude(["prefill"]),
    weight: weight.default(1),
  }),
]);

const Picker = z.strictObject({
  type: z.enum(["lowest", "first", "power-of-two"]).default("lowest"),
  temperature: weight.optional(),
});

export const ProfileInstance = z.strictObject({
  name: z.string().min(1),
  type: z.literal("dyn-profile"),
  parameters: z.strictObject({
    filters: z.array(Filter).max(16).default([]),
    scorers: z.array(Scorer).min(1).max(16),
    picker: Picker.prefault({}),
  }),
});

/** The profile, and the cost settings that its parameters change: those stay open to a request's own. Throws. */
export function readProfile(
  { name, parameters }: z.infer<typeof ProfileInstance>,
  base: CostSettings,
): { readonly profile: Profile; readonly cost: CostSettings } {
  const { filters, scorers, picker } = parameters;
  let cost: CostSettings = { ...base, temperature: picker.temperature ?? base.temperature };
  for (const scorer of scorers) {
    if (scorer.type !== "prefill") continue;
    cost = {
      ...cost,
      prefillLoadScale: scorer.weight ?? cost.prefillLoadScale,
      overlapScoreCredit: scorer.overlap_score_credit ?? cost.overlapScoreCredit,
      overlapScoreCreditDecay: scorer.overlap_score_credit_decay ?? cost.overlapScoreCreditDecay,
      hostCacheHitWeight: scorer.host_cache_hit_weight ?? cost.hostCacheHitWeight,
      diskCacheHitWeight: scorer.disk_cache_hit_weight ?? cost.diskCacheHitWeight,
    };
  }
  const profile = checkProfile({
    name,
    filters: filters.map(toFilter),
    scorers: scorers.map(({ type, weight }) => ({
      type,
      weight: type === "prefill" ? cost.prefillLoadScale : weight!,
    })),
    picker: picker.type,
  });
  return { profile, cost };
}

function toFilter(filter: z.infer<typeof Filter>): ProfileFilter {
  switch (filter.type) {
    case "imbalance":
      return { type: "imbalance", bound: filter.bound, atLeast: filter.at_least };
    case "prefix":
      return {
        type: "prefix",
        minShare: filter.min_share,
        unlessUneven: filter.unless_uneven ?? null,
      };
    case "least-loaded":
      return filter;
  }
}
