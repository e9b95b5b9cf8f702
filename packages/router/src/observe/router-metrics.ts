// A KV router on the page: the names of Dynamo 1.6.1, and what it does not show (workers that cannot be known).
import type { MetricsRegistry } from "@dyn/metrics";
import type { EndpointId } from "@dyn/runtime";
import type { KvRouter } from "../choice/kv-router.ts";
import type { DecisionRecord } from "../decision/decision-record.ts";
import { type RankId, rankKey } from "../load/active-requests.ts";
import { createRouterFamilies, type RouterFamilies } from "./router-families.ts";
import type { RouterObserver } from "./router-observer.ts";
import type { WorkerProblemKind } from "./worker-problems.ts";

const problemKinds: readonly WorkerProblemKind[] = [
  "no_kv_events",
  "block_size_mismatch",
  "unusable_events",
];
/** Routers of several models share their families. */
const familiesByRegistry = new WeakMap<MetricsRegistry, RouterFamilies>();

export interface RouterMetrics {
  readonly observer: RouterObserver;
  /** Shows its gauges from now on; the result takes them away. */
  watch(router: KvRouter): () => void;
}

export function createRouterMetrics(
  registry: MetricsRegistry,
  { endpoint, model }: { readonly endpoint: EndpointId; readonly model: string },
): RouterMetrics {
  const families = familiesByRegistry.get(registry) ?? createRouterFamilies(registry);
  familiesByRegistry.set(registry, families);
  const labels = {
    dynamo_namespace: endpoint.namespace,
    dynamo_component: endpoint.component,
    model,
  };
  return {
    observer: {
      decided: (record) => decided(families, labels, record),
      timed: ({ hashMs, findMs, chooseMs }) => {
        families.hashing.observe(hashMs);
        families.finding.observe(findMs);
        families.scheduling.observe(chooseMs);
        families.total.observe(hashMs + findMs + chooseMs);
      },
      firstToken: (seconds, record) => {
        families.timeToFirstToken.observe(labels, seconds);
        const rank = rankLabels(record);
        families.lastFirstToken.set(rank, seconds);
        families.lastInputTokens.set(rank, record.tokenCount);
      },
      step: (seconds, record) => {
        families.interToken.observe(labels, seconds);
        families.lastInterToken.set(rankLabels(record), seconds);
      },
      ended: (outputTokens, reusedTokens) => {
        families.requests.inc(labels);
        families.outputTokens.observe(labels, outputTokens);
        families.reusedTokens.inc(labels, reusedTokens);
      },
      refused: (what, className) =>
        families.backpressure.inc({
          ...queueLabels(model, className),
          reason: what === "requests" ? "request_limit" : "raw_isl_token_limit",
        }),
      eventApplied: ({ data }, outcome) =>
        families.events.inc({ event_type: data.type, status: statuses[outcome] ?? outcome }),
    },
    watch: (router) => {
      const shown = new Set<string>();
      const unwatch = registry.onRender(() => {
        show(families, labels, router);
        showRanks(families, labels, router, shown);
      });
      return () => {
        unwatch();
        for (const key of shown) forgetRank(families, labels, key);
      };
    },
  };
}

const workerType = "aggregated";

function rankLabels({ workerId, dpRank }: RankId): Record<string, string> {
  return { worker_id: workerId.toString(), dp_rank: String(dpRank), worker_type: workerType };
}

function queueLabels(model: string, className: string | null): Record<string, string> {
  return { model, policy_class: className ?? "default", worker_type: workerType };
}

/** One series for each rank that is there; those of ranks that left go. */
function showRanks(
  families: RouterFamilies,
  labels: Record<string, string>,
  router: KvRouter,
  shown: Set<string>,
): void {
  const ranks = router.workers.workerIds.flatMap((workerId) => router.workers.ranks(workerId));
  const present = new Set(ranks.map(rankKey));
  for (const key of shown) {
    if (present.has(key)) continue;
    forgetRank(families, labels, key);
    shown.delete(key);
  }
  for (const rank of ranks) {
    shown.add(rankKey(rank));
    const load = router.active.loadWith(rank, noBlocks);
    const { worker_id, ...rest } = rankLabels(rank);
    families.registered.set({ ...labels, router_worker_id: worker_id!, ...rest }, 1);
    families.workerBlocks.set(rankLabels(rank), load.decodeBlocks);
    families.workerPrefill.set(rankLabels(rank), load.activePrefillTokens);
  }
}

const noBlocks = new Float64Array();

function forgetRank(families: RouterFamilies, labels: Record<string, string>, key: string): void {
  const [workerId, dpRank] = key.split(":") as [string, string];
  const rank = rankLabels({ workerId: BigInt(workerId), dpRank: Number(dpRank) });
  const { worker_id, ...rest } = rank;
  families.registered.remove({ ...labels, router_worker_id: worker_id!, ...rest });
  for (const family of [
    families.workerBlocks,
    families.workerPrefill,
    families.lastFirstToken,
    families.lastInputTokens,
    families.lastInterToken,
  ]) {
    family.remove(rank);
  }
}

/** Dynamo's words for outcomes. */
const statuses: Readonly<Record<string, string>> = {
  applied: "ok",
  unknownParent: "parent_block_not_found",
  unknownBlocks: "block_not_found",
  full: "capacity_exhausted",
};

function decided(
  families: RouterFamilies,
  labels: Record<string, string>,
  record: DecisionRecord,
): void {
  const { candidates, tokenCount, blockSize, blockCount } = record;
  families.started.inc(labels);
  families.inputTokens.observe(labels, tokenCount);
  const winner = candidates.find(
    ({ workerId, dpRank }) => workerId === record.workerId && dpRank === record.dpRank,
  );
  const held = winner?.deviceBlocks ?? 0;
  let best = 0;
  for (const { deviceBlocks, excluded } of candidates) {
    if (excluded === null && deviceBlocks > best) best = deviceBlocks;
  }
  families.hitRate.observe(labels, blockCount === 0 ? 0 : Math.min(1, held / blockCount));
  families.bestTokens.inc(labels, best * blockSize);
  families.selectedTokens.inc(labels, held * blockSize);
  families.ties.inc(labels, record.tieCount > 1 ? 1 : 0);
  families.reasons.inc({ ...labels, reason: record.reason });
  families.bounded.inc(labels, candidates.some(({ excluded }) => excluded === "bound") ? 1 : 0);
  families.notBest.inc(labels, held < best ? 1 : 0);
  families.overlapLost.inc(labels, Math.max(0, best - held));
}

function show(families: RouterFamilies, labels: Record<string, string>, router: KvRouter): void {
  families.indexBlocks.set(labels, router.index.blockCount);
  families.indexBytes.set(labels, router.index.sizeBytes);
  families.active.set(labels, router.active.requestCount);
  families.queueDepth.set(labels, router.queue?.depth ?? 0);
  if (router.queue !== null) {
    const queue = queueLabels(router.model, router.settings.queue?.className ?? null);
    families.queuedRequests.set(queue, router.queue.depth);
    families.queuedTokens.set(queue, router.queue.tokenCount);
  }
  families.mismatched.set(labels, router.problems.length);
  families.sources.set(labels, router.intake?.followers.length ?? 0);
  for (const kind of problemKinds) {
    const count = router.problems.filter((problem) => problem.kind === kind).length;
    families.problems.set({ ...labels, kind }, count);
  }
}
