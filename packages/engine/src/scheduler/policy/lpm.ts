import { namespaceToKey } from "../../cache/cache-namespace.ts";
import type { Sequence } from "../sequence.ts";
import type { SchedulePolicy } from "./schedule-policy.ts";

/** Longer queues are left as they are: matching them costs more than it brings. */
const maxQueueLength = 128;
/** Requests with less cached than this are looked at for a prefix in common with others in the queue. */
const checkTokens = 32;
/** So much in common with one that goes before: wait until that one has filled the cache. */
const deferTokens = 32;

/**
 * Longest cached prefix first. Of requests that share an uncached prefix one goes first and the others last,
 * so that they find it in the cache.
 */
export const lpm: SchedulePolicy = {
  name: "lpm",
  order(waiting, context) {
    if (waiting.length > maxQueueLength) return;
    const rank = new Map<Sequence, number>();
    const seen = new Set<string>();
    for (const sequence of waiting) {
      const { pageCount } = context.cache.match(
        sequence.group.namespace,
        sequence.tokens,
        sequence.length - 1,
      );
      const cached = pageCount * context.pageSize;
      rank.set(sequence, cached);
      if (cached > checkTokens || sequence.length < deferTokens) continue;
      const head = `${namespaceToKey(sequence.group.namespace)} ${sequence.tokens.subarray(0, deferTokens).join()}`;
      if (seen.has(head)) rank.set(sequence, -1);
      else seen.add(head);
    }
    waiting.sort((a, b) => rank.get(b)! - rank.get(a)!);
  },
};
