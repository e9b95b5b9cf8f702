// A KV router on the page: the names of Dynamo 1.6.1, and what it does not show (workers that cannot be known).
import type { MetricsRegistry } from "@dyn/metrics";
import type { EndpointId } from "@dyn/runtime";
import type { KvRouter } from "../choice/kv-router.ts";
import type { DecisionRecord } from "../decision/decision-record.ts";
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
      firstToken: (seconds) => families.timeToFirstToken.observe(labels, seconds),
      ended: (outputTokens) => {
        families.requests.inc(labels);
        families.outputTokens.observe(labels, outputTokens);
      },
      eventApplied: ({ data }, outcome) =>
        families.events.inc({ event_type: data.type, status: statuses[outcome] ?? outcome }),
    },
    watch: (router) => registry.onRender(() => show(families, labels, router)),
  };
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
  if (held >= best) return;
  families.notBest.inc(labels);
  families.overlapLost.inc(labels, best - held);
}

function show(families: RouterFamilies, labels: Record<string, string>, router: KvRouter): void {
  families.indexBlocks.set(labels, router.index.blockCount);
  families.indexBytes.set(labels, router.index.sizeBytes);
  families.active.set(labels, router.active.requestCount);
  families.queueDepth.set(labels, router.queue?.depth ?? 0);
  families.sources.set(labels, router.intake?.followers.length ?? 0);
  for (const kind of problemKinds) {
    const count = router.problems.filter((problem) => problem.kind === kind).length;
    families.problems.set({ ...labels, kind }, count);
  }
}
