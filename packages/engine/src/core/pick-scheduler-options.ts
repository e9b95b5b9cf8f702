import { defaultSchedulerOptions, type SchedulerOptions } from "../scheduler/scheduler-options.ts";

/** The scheduler's part of the engine's options, defaults filled in. */
export function pickSchedulerOptions(options: Partial<SchedulerOptions>): SchedulerOptions {
  const merged: Record<string, unknown> = { ...defaultSchedulerOptions };
  for (const key of Object.keys(defaultSchedulerOptions)) {
    const value = options[key as keyof SchedulerOptions];
    if (value !== undefined) merged[key] = value;
  }
  return merged as unknown as SchedulerOptions;
}
