// A KV router on the page: the names of Dynamo 1.6.1, and what it does not show (workers that cannot be known).
import type { MetricsRegistry } from "@dyn/metrics";
import type { EndpointId } from "@dyn/runtime";
import type { KvRouter } from "../choice/kv-router.ts";
import type { DecisionRecord } from "../decision/decision-record.ts";
import { createGrownTotal } from "./grown-total.ts";
import { createIntakeMetrics } from "./intake-metrics.ts";
import { createOverheadFamilies } from "./overhead-families.ts";
import { createRankMetrics } from "./rank-metrics.ts";
import { createRouterFamilies, type RouterFamilies } from "./router-families.ts";
import type { RouterObserver } from "./router-observer.ts";
import type { WorkerProblemKind } from "./worker-problems.ts";

/** Which workers a router chooses among: of a pool, or those that do everything. */
export type RoutingPhase = "aggregated" | "prefill" | "decode";

export interface RouterMetricsOptions {
  /** Of the workers. */
  readonly endpoint: EndpointId;
  readonly model: string;
  /** Of the process that routes. */
  readonly instanceId: bigint;
  /** Asked when something is counted. Default: aggregated. */
  readonly phase?: () => RoutingPhase;
}

export interface RouterMetrics {
  readonly observer: RouterObserver;
  /** Shows its gauges from now on; the result takes them away. */
  watch(router: KvRouter): () => void;
}

type Labels = Readonly<Record<string, string>>;

const problemKinds: readonly WorkerProblemKind[] = [
  "no_kv_events",
  "block_size_mismatch",
  "unusable_events",
  "cache_drift",
];
const guessPolicies = ["disabled", "ttl", "lru"] as const;

/** Routers of several models share their families. */
const familiesByRegistry = new WeakMap<MetricsRegistry, ReturnType<typeof createFamilies>>();

function createFamilies(registry: MetricsRegistry) {
  return { ...createRouterFamilies(registry), overhead: createOverheadFamilies(registry) };
}

export function createRouterMetrics(
  registry: MetricsRegistry,
  { endpoint, model, instanceId, phase = () => "aggregated" }: RouterMetricsOptions,
): RouterMetrics {
  const families = familiesByRegistry.get(registry) ?? createFamilies(registry);
  familiesByRegistry.set(registry, families);
  const { overhead } = families;
  const process = {
    dynamo_namespace: endpoint.namespace,
    dynamo_component: endpoint.component,
    worker_id: instanceId.toString(16),
  };
  const byRouter = { router_id: instanceId.toString() };
  const labels = { ...process, ...byRouter, model };
  // The reference's word for workers that do everything.
  const workerType = () => (phase() === "prefill" ? "prefill" : "decode");
  const ranks = createRankMetrics(registry, { model, workerType });
  const intake = createIntakeMetrics(registry, { endpoint, model, labels: process, workerType });
  return {
    observer: {
      ...ranks.observer,
      ...intake.observer,
      decided: (record) => decided(families, labels, phase(), record),
      hashed: ({ blockMs, sequenceMs }) => {
        overhead.blockHashing.observe(byRouter, blockMs);
        overhead.sequenceHashing.observe(byRouter, sequenceMs);
      },
      timed: ({ hashMs, findMs, chooseMs }) => {
        overhead.finding.observe(byRouter, findMs);
        overhead.scheduling.observe(byRouter, chooseMs);
        overhead.total.observe(byRouter, hashMs + findMs + chooseMs);
      },
      firstToken: (seconds, record) => {
        families.timeToFirstToken.observe(labels, seconds);
        ranks.observer.firstToken(seconds, record);
      },
      step: (seconds, record) => {
        families.interToken.observe(labels, seconds);
        ranks.observer.step(seconds, record);
      },
      ended: (outputTokens, reusedTokens) => {
        families.requests.inc(labels);
        families.outputTokens.observe(labels, outputTokens);
        families.reusedTokens.inc({ ...labels, phase: phase() }, reusedTokens);
      },
      handedOver: (seconds) => families.handOver.observe(labels, seconds),
    },
    watch: (router) => {
      beginAtZero(families, labels, byRouter);
      const remoteFailures = createGrownTotal();
      const showTotals = createTotalsView(families, labels, router);
      const shown = new Map<string, Labels>();
      const unwatchIntake = intake.watch(router);
      const unwatchRanks = ranks.watch(router);
      const unwatch = registry.onRender(() => {
        show(families, labels, router);
        showTotals();
        showRegistered(families, { ...labels, worker_type: workerType() }, router, shown);
        const { remote } = router;
        if (remote !== null) {
          families.remoteFailures.inc(labels, remoteFailures(remote.failedCount));
        }
      });
      return () => {
        for (const end of [unwatch, unwatchIntake, unwatchRanks]) end();
        for (const series of shown.values()) families.registered.remove({ ...series });
      };
    },
  };
}

/** Rates need a first value. */
function beginAtZero(
  families: ReturnType<typeof createFamilies>,
  labels: Labels,
  byRouter: Labels,
): void {
  const prefills = { ...labels, worker_type: "prefill" };
  families.started.inc(labels, 0);
  families.requests.inc(labels, 0);
  families.notBest.inc(prefills, 0);
  families.overlapLost.zero(prefills);
  const { timeToFirstToken, interToken, outputTokens, hitRate, handOver } = families;
  for (const family of [timeToFirstToken, interToken, outputTokens, hitRate, handOver]) {
    family.zero(labels);
  }
  for (const family of Object.values(families.overhead)) family.zero(byRouter);
}

function decided(
  families: RouterFamilies,
  labels: Labels,
  phase: RoutingPhase,
  record: DecisionRecord,
): void {
  const { candidates, tokenCount, blockSize, blockCount } = record;
  const byPhase = { ...labels, phase };
  families.started.inc(labels);
  families.inputTokens.observe(byPhase, tokenCount);
  const winner = candidates.find(
    ({ workerId, dpRank }) => workerId === record.workerId && dpRank === record.dpRank,
  );
  const held = winner?.deviceBlocks ?? 0;
  let best = 0;
  for (const { deviceBlocks, excluded } of candidates) {
    if (excluded === null && deviceBlocks > best) best = deviceBlocks;
  }
  families.hitRate.observe(labels, blockCount === 0 ? 0 : Math.min(1, held / blockCount));
  families.bestTokens.inc(byPhase, best * blockSize);
  families.selectedTokens.inc(byPhase, held * blockSize);
  families.ties.inc(labels, record.tieCount > 1 ? 1 : 0);
  families.reasons.inc({ ...labels, reason: record.reason });
  families.bounded.inc(labels, candidates.some(({ excluded }) => excluded === "bound") ? 1 : 0);
  // Where the prompt is computed, by whatever kind of worker: the reference's label is the same for both.
  if (phase === "decode") return;
  const prefills = { ...labels, worker_type: "prefill" };
  families.notBest.inc(prefills, held < best ? 1 : 0);
  if (held < best) families.overlapLost.observe(prefills, best - held);
}

function show(families: RouterFamilies, labels: Labels, router: KvRouter): void {
  families.indexBlocks.set(labels, router.index.blockCount);
  families.indexBytes.set(labels, router.index.sizeBytes);
  families.indexLimitBytes.set(labels, router.index.limitBytes);
  families.active.set(labels, router.active.requestCount);
  families.queueDepth.set(labels, router.queue?.depth ?? 0);
  families.sources.set(labels, router.intake?.followers.length ?? 0);
  const { useKvEvents, approximateTtlMs, predictedTtlMs } = router.settings;
  const configured = approximateTtlMs === null ? "lru" : "ttl";
  const predicted = predictedTtlMs === null ? "disabled" : "ttl";
  for (const policy of guessPolicies) {
    const effective = useKvEvents ? predicted : configured;
    families.configuredGuesses.set({ ...labels, policy }, policy === configured ? 1 : 0);
    families.guesses.set({ ...labels, policy }, policy === effective ? 1 : 0);
  }
  for (const kind of problemKinds) {
    const count = router.problems.filter((problem) => problem.kind === kind).length;
    families.problems.set({ ...labels, kind }, count);
  }
}

/** What the router has counted by itself, since its start. */
function createTotalsView(families: RouterFamilies, labels: Labels, router: KvRouter): () => void {
  const { audit, index } = router;
  const over = { ...labels, direction: "over" };
  const under = { ...labels, direction: "under" };
  const totals = [
    { family: families.evictedBlocks, labels, read: () => index.counters.evictedBlocks },
    { family: families.auditedRequests, labels, read: () => audit.totals.requests },
    { family: families.promisedTokens, labels, read: () => audit.totals.promisedTokens },
    { family: families.foundTokens, labels, read: () => audit.totals.cachedTokens },
    { family: families.driftTokens, labels: over, read: () => audit.totals.overTokens },
    { family: families.driftTokens, labels: under, read: () => audit.totals.underTokens },
  ].map((total) => ({ ...total, grown: createGrownTotal() }));
  return () => {
    for (const { family, labels: series, read, grown } of totals) family.inc(series, grown(read()));
  };
}

/** One series for each rank that is there; those of ranks that left go. */
function showRegistered(
  families: RouterFamilies,
  labels: Labels,
  router: KvRouter,
  shown: Map<string, Labels>,
): void {
  const present = new Map<string, Labels>();
  for (const workerId of router.workers.workerIds) {
    for (const { dpRank } of router.workers.ranks(workerId)) {
      const series = {
        ...labels,
        router_worker_id: workerId.toString(),
        dp_rank: String(dpRank),
      };
      present.set(JSON.stringify(series), series);
    }
  }
  for (const [key, series] of shown) {
    if (present.has(key)) continue;
    families.registered.remove({ ...series });
    shown.delete(key);
  }
  for (const [key, series] of present) {
    shown.set(key, series);
    families.registered.set(series, 1);
  }
}
