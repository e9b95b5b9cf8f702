import type { SchedulePolicy } from "./schedule-policy.ts";

/** First come, first served: the queue is in order already. */
export const fcfs: SchedulePolicy = { name: "fcfs", order() {} };
