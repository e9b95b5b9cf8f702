import { defaultCostSettings, type RouterSettings } from "@dyn/router";

/** `null`: no router asked. */
export const modes = {
  kv: {},
  "kv, predicted": { predictedTtlMs: 5_000 },
  "kv, counted": { cost: { ...defaultCostSettings, loadModel: "counted" } },
  "kv, counted, scale 16": {
    cost: { ...defaultCostSettings, loadModel: "counted", prefillLoadScale: 16 },
  },
  approximate: { useKvEvents: false },
  "load-only": { cost: { ...defaultCostSettings, overlapScoreCredit: 0 } },
  "round-robin": null,
  random: null,
} satisfies Record<string, Partial<RouterSettings> | null>;

export type Mode = keyof typeof modes;
