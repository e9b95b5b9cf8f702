import type { HealthCheck } from "./health-state.ts";

/** Of whatever does the work. */
export interface ProgressReading {
  /** There is something to do. */
  readonly isBusy: boolean;
  /** Any number that changes when something gets done. */
  readonly stepCount: number;
}

/**
 * Finds work that does not advance. Time counts from the reading that first saw the step in question,
 * so a stall is found by the second reading behind `stallMs` at the latest.
 */
export function createProgressCheck(options: {
  readonly read: () => ProgressReading;
  readonly stallMs: number;
  /** Milliseconds, never going back. Default performance.now. */
  readonly now?: () => number;
}): HealthCheck {
  const { read, stallMs, now = () => performance.now() } = options;
  let seenStep: number | null = null;
  let seenAtMs = 0;
  return () => {
    const { isBusy, stepCount } = read();
    const nowMs = now();
    if (!isBusy || stepCount !== seenStep) {
      seenStep = isBusy ? stepCount : null;
      seenAtMs = nowMs;
      return null;
    }
    const stalledMs = nowMs - seenAtMs;
    return stalledMs < stallMs
      ? null
      : `There is work, but nothing has been done for ${Math.round(stalledMs / 1000)} s.`;
  };
}
