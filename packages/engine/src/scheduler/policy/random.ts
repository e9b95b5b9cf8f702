import type { SchedulePolicy } from "./schedule-policy.ts";

/** A fresh shuffle (Fisher-Yates) every time. */
export const random: SchedulePolicy = {
  name: "random",
  order(waiting, context) {
    for (let i = waiting.length - 1; i > 0; i--) {
      const j = Math.floor(context.random() * (i + 1));
      const moved = waiting[i]!;
      waiting[i] = waiting[j]!;
      waiting[j] = moved;
    }
  },
};
