import type { SchedulePolicy } from "./schedule-policy.ts";

/** Requests whose routing key is frequent among the running ones first; equally frequent keys in the keys' order. */
export const routingKey: SchedulePolicy = {
  name: "routing-key",
  order(waiting, context) {
    const counts = new Map<string, number>();
    for (const { group } of context.running) {
      const key = group.request.routingKey;
      if (key !== null) counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    if (counts.size === 0) return;
    const countOf = (key: string | null) => (key === null ? 0 : (counts.get(key) ?? 0));
    waiting.sort((a, b) => {
      const keyA = a.group.request.routingKey;
      const keyB = b.group.request.routingKey;
      const countA = countOf(keyA);
      const countB = countOf(keyB);
      if (countA !== countB) return countB - countA;
      if (countA === 0 || keyA === keyB) return 0;
      return keyA! < keyB! ? -1 : 1;
    });
  },
};
