import type { SchedulePolicy } from "./schedule-policy.ts";

/** Longest output first: by the tokens that may be produced at most. */
export const lof: SchedulePolicy = {
  name: "lof",
  order(waiting) {
    waiting.sort((a, b) => b.maxLength - b.promptLength - (a.maxLength - a.promptLength));
  },
};
