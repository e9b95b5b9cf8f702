// Everything that must hold between steps, checked from outside: pages, owners, locks, events, metrics.

import type { RadixNode } from "../../src/cache/radix-node.ts";
import type { EngineCore } from "../../src/core/engine-core.ts";
import type { Sequence } from "../../src/scheduler/sequence.ts";
import { EventMirror } from "./event-mirror.ts";

export function audit(core: EngineCore, mirror: EventMirror): void {
  const live = liveSequences(core);
  auditPages(core, live);
  auditLocks(core, live);
  const described = new EventMirror();
  described.apply({ timestamp: 0, events: core.cache.describe() });
  demand(
    described.content().join() === mirror.content().join(),
    "events replayed differ from the cache's content",
  );
  const metrics = core.metrics();
  demand(
    metrics.pagesFree + metrics.pagesCached + metrics.pagesUsed === metrics.pagesTotal,
    "metrics: free + cached + used = total",
  );
  demand(metrics.runningRequests <= core.info.maxRunningRequests, "too many run");
}

/** All that hold pages: running ones, and those whose pages another engine may use. */
function liveSequences(core: EngineCore): Sequence[] {
  const { running, leased, chunked } = core.scheduler;
  const live = [...running, ...leased];
  return chunked === null || chunked.isLeased ? live : [...live, chunked];
}

function auditPages(core: EngineCore, live: readonly Sequence[]): void {
  const { pageSize } = core.info;
  const owners = new Map<number, string>();
  const own = (page: number, owner: string) => {
    demand(!owners.has(page), `page ${page} has two owners: ${owners.get(page)} and ${owner}`);
    demand(!core.pool.isFree(page), `page ${page} of ${owner} is free`);
    owners.set(page, owner);
  };
  let evictable = 0;
  let locked = 0;
  core.cache.forEach((node) => {
    for (const page of node.pages) own(page, "the cache");
    if (node.lockCount === 0) evictable += node.pages.length;
    else locked += node.pages.length;
    demand(node.tokens.length === node.pages.length * pageSize, "a node's tokens fill its pages");
  });
  demand(evictable === core.cache.evictablePages, "evictable pages are counted right");
  demand(locked === core.cache.protectedPages, "protected pages are counted right");
  for (const sequence of live) {
    const { pages, sharedPages, pageCount, computed } = sequence;
    for (let i = sharedPages; i < pageCount; i++) own(pages[i]!, `slot ${sequence.slot}`);
    for (let i = 0; i < sharedPages; i++) {
      demand(owners.get(pages[i]!) === "the cache", `shared page ${pages[i]} is in the cache`);
    }
    demand(pageCount * pageSize >= computed, "pages hold what was computed");
  }
  demand(owners.size + core.pool.freeCount === core.pool.total, "every page is owned or free");
}

function auditLocks(core: EngineCore, live: readonly Sequence[]): void {
  const expected = new Map<RadixNode, number>();
  for (const { node } of live) {
    for (let at = node as RadixNode | null; at?.parent; at = at.parent) {
      expected.set(at, (expected.get(at) ?? 0) + 1);
    }
  }
  core.cache.forEach((node) => {
    demand(
      node.lockCount === (expected.get(node) ?? 0),
      `a node has ${node.lockCount} locks, but ${expected.get(node) ?? 0} sequences hold it`,
    );
  });
}

export function demand(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(`Broken: ${what}`);
}
