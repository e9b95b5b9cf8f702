import type { ConditionalSettings } from "./conditional-settings.ts";

export interface ConditionalInput {
  readonly tokenCount: number;
  /** Of them, what the decode worker has not cached. */
  readonly uncachedTokens: number;
  readonly isPrefillBusy: boolean;
  readonly isDecodeBusy: boolean;
}

/** Whether the decode worker prefills by itself, and on what ground; `null`: the pool does. */
export function skipsPrefillPool(
  { policy, uncachedTokens: bound, uncachedRatio }: ConditionalSettings,
  input: ConditionalInput,
): "short" | "prefill-busy" | null {
  const { tokenCount, uncachedTokens, isPrefillBusy, isDecodeBusy } = input;
  if (isDecodeBusy) return null;
  const isShort =
    uncachedTokens < bound && uncachedTokens / Math.max(1, tokenCount) < uncachedRatio;
  if (policy !== "prefill_load" && isShort) return "short";
  return policy !== "isl_bounding" && isPrefillBusy ? "prefill-busy" : null;
}
