import type { Sequence } from "./sequence.ts";

/** One step: which sequences, and per sequence `planned` new tokens behind `computed` old ones. */
export interface StepPlan {
  readonly kind: "prefill" | "decode";
  readonly sequences: readonly Sequence[];
}
