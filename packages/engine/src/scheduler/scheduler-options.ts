import { InvalidArgumentError } from "@dyn/protocol";
import type { PolicyName } from "./policy/schedule-policy.ts";

/** SGLang's names and defaults where it has them. */
export interface SchedulerOptions {
  readonly policy: PolicyName;
  /** Choices that hold pages at one time. */
  readonly maxRunningRequests: number;
  /** Requests that wait for their first step; more are refused with 503. `null` = no limit, as SGLang's default; ours is 10,000. */
  readonly maxQueuedRequests: number | null;
  /** New tokens in one prefill step, all sequences together. */
  readonly maxPrefillTokens: number;
  /** Tokens of one chunk; `null` = prompts are never cut. */
  readonly chunkedPrefillSize: number | null;
  /** Larger admits less: scales the share of its maximum that a running answer is expected to need. */
  readonly scheduleConservativeness: number;
  /** Prefill goes first; after so many prefill steps in a row the running sequences get one decode step. */
  readonly maxConsecutivePrefills: number;
  /** Under the priority policy a request preempts running ones whose priority is lower by more than this; `null` = never. */
  readonly priorityPreemptionThreshold: number | null;
}

/** What an engine does that is not told otherwise. */
export const defaultSchedulerOptions: SchedulerOptions = Object.freeze({
  policy: "fcfs",
  maxRunningRequests: 256,
  maxQueuedRequests: 10_000,
  maxPrefillTokens: 16384,
  chunkedPrefillSize: 8192,
  scheduleConservativeness: 1,
  maxConsecutivePrefills: 8,
  priorityPreemptionThreshold: 10,
} as const);

export function validateSchedulerOptions(options: SchedulerOptions, pageSize: number): void {
  atLeast("maxRunningRequests", options.maxRunningRequests, 1);
  atLeast("maxPrefillTokens", options.maxPrefillTokens, 1);
  atLeast("maxConsecutivePrefills", options.maxConsecutivePrefills, 1);
  if (options.maxQueuedRequests !== null) {
    atLeast("maxQueuedRequests", options.maxQueuedRequests, 1);
  }
  const chunk = options.chunkedPrefillSize;
  if (chunk !== null && (!Number.isInteger(chunk) || chunk < pageSize || chunk % pageSize !== 0)) {
    throw new InvalidArgumentError(
      `chunkedPrefillSize is ${chunk}; it must be a positive multiple of the page size ${pageSize}, or null.`,
      { param: "chunkedPrefillSize" },
    );
  }
  if (!(options.scheduleConservativeness > 0)) {
    throw new InvalidArgumentError(
      `scheduleConservativeness is ${options.scheduleConservativeness}; it must be above 0.`,
      { param: "scheduleConservativeness" },
    );
  }
}

function atLeast(name: string, value: number, minimum: number): void {
  if (Number.isInteger(value) && value >= minimum) return;
  throw new InvalidArgumentError(
    `${name} is ${value}; it must be a whole number from ${minimum}.`,
    {
      param: name,
    },
  );
}
