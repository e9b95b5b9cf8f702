import type { Allowance } from "./accounts.ts";

export interface TakeStep {
  readonly allowance: Allowance;
  /** The error for who comes too early by so many milliseconds. */
  readonly refuse: (waitMs: number) => Error;
  /** Until the request is over; else used up at once. */
  readonly isKept: boolean;
}

/**
 * Takes one of each, in order; when one is refused, what was taken before is put back and its error thrown. Gives what
 * must be called when the request is over. Synchronous as long as every allowance is.
 */
export function takeAll(steps: readonly TakeStep[], at = 0): (() => void) | Promise<() => void> {
  const step = steps[at];
  if (step === undefined) return () => putBackKept(steps);
  const waitMs = step.allowance.take();
  return typeof waitMs === "number"
    ? goOn(steps, at, waitMs)
    : waitMs.then((later) => goOn(steps, at, later));
}

function goOn(
  steps: readonly TakeStep[],
  at: number,
  waitMs: number,
): (() => void) | Promise<() => void> {
  if (waitMs <= 0) return takeAll(steps, at + 1);
  for (const { allowance } of steps.slice(0, at)) allowance.putBack();
  throw steps[at]!.refuse(waitMs);
}

function putBackKept(steps: readonly TakeStep[]): void {
  for (const { allowance, isKept } of steps) if (isKept) allowance.putBack();
}
