import type { SchedulePolicy } from "./schedule-policy.ts";

/** Larger priority first, then by entry into the queue. */
export const priority: SchedulePolicy = {
  name: "priority",
  order(waiting) {
    waiting.sort(
      (a, b) =>
        b.group.request.priority - a.group.request.priority || a.queueNumber - b.queueNumber,
    );
  },
};
