// A routing policy as data: filters leave some of the ranks, scorers add up a cost, a picker takes one.
import { InvalidArgumentError } from "@dyn/protocol";

/**
 * Leaves out ranks, in the given order. One that would leave nobody is passed over. What a request requires (taints, a pinned
 * worker) and busy thresholds are no filters of a profile: they hold in every policy.
 */
export type ProfileFilter =
  /** Ranks that would come above `bound` times the mean of running requests, and above `atLeast`. */
  | { readonly type: "imbalance"; readonly bound: number; readonly atLeast: number }
  /**
   * Ranks that hold less of the prompt than another one, if that one holds more than `minShare` of its blocks. Passed over
   * while running requests are uneven: more than `absolute` apart and more than `relative` times the least.
   */
  | {
      readonly type: "prefix";
      readonly minShare: number;
      readonly unlessUneven: { readonly absolute: number; readonly relative: number } | null;
    }
  /** Ranks with more than `slack` running requests above the least loaded. */
  | { readonly type: "least-loaded"; readonly slack: number };

export const scorerTypes = [
  /** Blocks of prefill: what waits at the rank and the prompt, less the credit for what it has cached. */
  "prefill",
  /** Blocks of the prompt that the rank has not cached. */
  "uncached",
  /** Blocks of prompt tokens that wait at the rank. */
  "waiting-prefill",
  /** Distinct blocks of running requests, this one's among them. */
  "decode-blocks",
  "active-requests",
  /** Share of the rank's KV blocks in use by its own report, 0 to 1; 0 where it reports nothing. */
  "kv-usage",
] as const;
export type ScorerType = (typeof scorerTypes)[number];

export interface ProfileScorer {
  readonly type: ScorerType;
  /** The weight of `prefill` is the prefill load scale: requests and flags may change it. */
  readonly weight: number;
}

/** `lowest`: ties are drawn, with a temperature the cost decides the odds. `first`: ties go to the first in a fixed order. */
export type ProfilePicker = "lowest" | "first" | "power-of-two";

export interface Profile {
  readonly name: string;
  readonly filters: readonly ProfileFilter[];
  readonly scorers: readonly ProfileScorer[];
  readonly picker: ProfilePicker;
}

const cacheOnly: ReadonlySet<ScorerType> = new Set(["uncached"]);

/** Throws an InvalidArgumentError when a scorer stands twice, or nothing in it knows of load. */
export function checkProfile(profile: Profile): Profile {
  const { name, filters, scorers } = profile;
  const types = scorers.map(({ type }) => type);
  const double = types.find((type, i) => types.indexOf(type) !== i);
  if (double !== undefined) {
    throw new InvalidArgumentError(
      `The profile ${name} has the scorer ${double} twice. Add up their weights.`,
    );
  }
  const knowsLoad =
    filters.some(({ type }) => type !== "prefix") ||
    scorers.some(({ type, weight }) => weight > 0 && !cacheOnly.has(type));
  if (knowsLoad) return profile;
  throw new InvalidArgumentError(
    `The profile ${name} leaves no load in the choice, so requests with a common prefix would all go to one worker. ` +
      "Give it a scorer of load (prefill, waiting-prefill, decode-blocks, active-requests, kv-usage) or the filter imbalance or least-loaded.",
    { code: "DYN_ROUTER_NO_LOAD_TERM" },
  );
}
