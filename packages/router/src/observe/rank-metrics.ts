// The load of each rank, and the queue before all of them.
import type { MetricsRegistry } from "@dyn/metrics";
import type { KvRouter } from "../choice/kv-router.ts";
import type { DecisionRecord } from "../decision/decision-record.ts";
import { type RankId, rankKey } from "../load/active-requests.ts";
import type { QueueLimit } from "../queue/request-queue.ts";
import { createRankFamilies, type RankFamilies } from "./rank-families.ts";
import type { RouterObserver } from "./router-observer.ts";

const familiesByRegistry = new WeakMap<MetricsRegistry, RankFamilies>();
/** Dynamo's words. */
const limits: Readonly<Record<QueueLimit, string>> = {
  requests: "request_limit",
  tokens: "raw_isl_token_limit",
  cachedTokens: "cached_token_limit",
};
const noBlocks = new Float64Array();

export interface RankMetrics {
  readonly observer: Required<Pick<RouterObserver, "received" | "refused" | "firstToken" | "step">>;
  watch(router: KvRouter): () => void;
}

export function createRankMetrics(
  registry: MetricsRegistry,
  { model, workerType }: { readonly model: string; readonly workerType: () => string },
): RankMetrics {
  const families = familiesByRegistry.get(registry) ?? createRankFamilies(registry);
  familiesByRegistry.set(registry, families);
  const ofRank = ({ workerId, dpRank }: RankId) => ({
    worker_id: workerId.toString(),
    dp_rank: String(dpRank),
    worker_type: workerType(),
  });
  const ofClass = (className: string | null) => ({
    model,
    policy_class: className ?? "default",
    worker_type: workerType(),
  });
  return {
    observer: {
      received: (className) => families.received.inc(ofClass(className)),
      refused: (what, className) =>
        families.backpressure.inc({
          ...ofClass(className),
          reason: limits[what],
        }),
      firstToken: (seconds: number, record: DecisionRecord) => {
        families.lastFirstToken.set(ofRank(record), seconds);
        families.lastInputTokens.set(ofRank(record), record.tokenCount);
      },
      step: (seconds, record) => families.lastInterToken.set(ofRank(record), seconds),
    },
    watch: (router) => {
      const shown = new Map<string, ReturnType<typeof ofRank>>();
      const unwatch = registry.onRender(() => {
        const ids = router.workers.workerIds;
        const ranks = ids.flatMap((workerId) => router.workers.ranks(workerId));
        const present = new Set(ranks.map(rankKey));
        for (const [key, labels] of shown) {
          if (present.has(key)) continue;
          forget(families, labels);
          shown.delete(key);
        }
        for (const rank of ranks) {
          const labels = ofRank(rank);
          const load = router.active.loadWith(rank, noBlocks);
          shown.set(rankKey(rank), labels);
          families.blocks.set(labels, load.decodeBlocks);
          families.prefillTokens.set(labels, load.activePrefillTokens);
        }
        const lines = router.queue?.view() ?? [];
        // Who the workers are, hence the label, is known when one is there.
        if (ranks.length > 0) {
          const names = lines.length === 0 ? [null] : lines.map(({ className }) => className);
          for (const name of names) families.received.inc(ofClass(name), 0);
        }
        for (const { className, depth, tokenCount, cachedTokenCount } of lines) {
          const labels = ofClass(className);
          families.queuedRequests.set(labels, depth);
          families.queuedTokens.set(labels, tokenCount);
          families.queuedCachedTokens.set(labels, cachedTokenCount);
        }
      });
      return () => {
        unwatch();
        for (const labels of shown.values()) forget(families, labels);
      };
    },
  };
}

function forget(families: RankFamilies, labels: Record<string, string>): void {
  for (const family of [
    families.blocks,
    families.prefillTokens,
    families.lastFirstToken,
    families.lastInputTokens,
    families.lastInterToken,
  ]) {
    family.remove(labels);
  }
}
