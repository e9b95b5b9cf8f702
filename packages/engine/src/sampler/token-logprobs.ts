import { InternalError } from "@dyn/protocol";
import type { TokenLogprobs } from "../contract/engine-output.ts";
import { findPeak, type Peak, scrubLogits } from "./find-peak.ts";
import { nextAtLeast } from "./next-at-least.ts";
import { expNonPositive, ln } from "./portable-math.ts";

/** Sum of e^((logit - peak) * rate) over a row. */
export function sumMass(logits: Float32Array, peak: number, rate: number): number {
  let sum = 0;
  for (let i = 0; i < logits.length; i++) sum += expNonPositive((logits[i]! - peak) * rate);
  return sum;
}

/**
 * Log-softmax of `logits * rate` at the chosen token and at the `top` likeliest (fewer when fewer are possible).
 * `mass`: what sumMass gives for the same row, peak and rate.
 */
export function tokenLogprobs(
  logits: Float32Array,
  tokenId: number,
  top: number,
  peak: number,
  rate: number,
  mass: number,
): TokenLogprobs {
  const logMass = ln(mass);
  const logprob = (id: number) => (logits[id]! - peak) * rate - logMass;
  return {
    logprob: logprob(tokenId),
    top: topTokens(logits, top).map((id) => ({ tokenId: id, logprob: logprob(id) })),
  };
}

/** See Sampler.promptLogprobs. */
export function promptLogprobs(
  logits: Float32Array,
  nextTokenId: number,
  top: number,
): TokenLogprobs {
  const peak: Peak = { tokenId: -1, logit: 0, dirty: false };
  findPeak(logits, peak);
  if (peak.tokenId < 0) {
    throw new InternalError("The model's logits at a prompt position are all NaN or -Infinity.");
  }
  if (peak.dirty) scrubLogits(logits, peak);
  return tokenLogprobs(logits, nextTokenId, top, peak.logit, 1, sumMass(logits, peak.logit, 1));
}

/** Ids of the largest logits, largest first, of equals the lowest id first; -Infinity is never among them. */
function topTokens(logits: Float32Array, count: number): number[] {
  const ids: number[] = [];
  if (count === 0) return ids;
  let least = -Number.MAX_VALUE;
  for (
    let id = nextAtLeast(logits, 0, least);
    id < logits.length;
    id = nextAtLeast(logits, id + 1, least)
  ) {
    const x = logits[id]!;
    // Among equals the earlier one stays.
    if (ids.length === count && x === least) continue;
    let at = ids.length < count ? ids.length : count - 1;
    for (; at > 0 && logits[ids[at - 1]!]! < x; at--) ids[at] = ids[at - 1]!;
    ids[at] = id;
    if (ids.length === count) least = logits[ids[count - 1]!]!;
  }
  return ids;
}
