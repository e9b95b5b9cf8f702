import type { CacheNode, PageCache } from "../../cache/page-cache.ts";
import type { Sequence } from "../sequence.ts";

/** SGLang's names of the orders in which requests leave the queue. */
export const policyNames = [
  "fcfs",
  "lpm",
  "dfs-weight",
  "lof",
  "random",
  "priority",
  "routing-key",
] as const;
export type PolicyName = (typeof policyNames)[number];

interface PolicyContext {
  readonly cache: PageCache<CacheNode>;
  readonly pageSize: number;
  readonly running: readonly Sequence[];
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

/** In which order waiting sequences are admitted. */
export interface SchedulePolicy {
  readonly name: PolicyName;
  /** Sorts `waiting` in place; equal ones keep their places. */
  order(waiting: Sequence[], context: PolicyContext): void;
}
