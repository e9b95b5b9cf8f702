// What a router has heard, on the page.
import type { MetricsRegistry } from "@dyn/metrics";
import type { EndpointId } from "@dyn/runtime";
import type { KvRouter } from "../choice/kv-router.ts";
import { createGrownTotal } from "./grown-total.ts";
import {
  createIntakeFamilies,
  createZmqIntakeFamilies,
  type IntakeFamilies,
  type ZmqIntakeFamilies,
} from "./intake-families.ts";
import type { RouterObserver } from "./router-observer.ts";

const familiesByRegistry = new WeakMap<MetricsRegistry, IntakeFamilies>();
/** Only where there is a router whose events come by ZMQ. */
const zmqFamiliesByRegistry = new WeakMap<MetricsRegistry, ZmqIntakeFamilies>();

/** Dynamo's words for outcomes. */
const statuses: Readonly<Record<string, string>> = {
  applied: "ok",
  unknownParent: "parent_block_not_found",
  unknownBlocks: "block_not_found",
  full: "capacity_exhausted",
};

const eventTypes = ["stored", "removed", "cleared"];

export interface IntakeMetrics {
  readonly observer: Required<Pick<RouterObserver, "eventApplied">>;
  watch(router: KvRouter): () => void;
}

export function createIntakeMetrics(
  registry: MetricsRegistry,
  options: {
    /** Of the workers. */
    readonly endpoint: EndpointId;
    readonly model: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly workerType: () => string;
  },
): IntakeMetrics {
  const { endpoint, model, labels, workerType } = options;
  const families = familiesByRegistry.get(registry) ?? createIntakeFamilies(registry);
  familiesByRegistry.set(registry, families);
  const target = {
    target_namespace: endpoint.namespace,
    target_component: endpoint.component,
    target_endpoint: endpoint.endpoint,
  };
  return {
    observer: {
      eventApplied: ({ data }, outcome) =>
        families.events.inc({
          ...labels,
          event_type: data.type,
          status: statuses[outcome] ?? outcome,
        }),
    },
    watch: (router) => {
      for (const event_type of eventTypes) {
        for (const status of Object.values(statuses)) {
          families.events.inc({ ...labels, event_type, status }, 0);
        }
      }
      const events = createGrownTotal();
      const batches = createGrownTotal();
      const repeated = createGrownTotal();
      const evicted = createGrownTotal();
      const evictions = createGrownTotal();
      const showZmq = router.hearsByZmq ? createZmqView(registry, labels, router) : () => {};
      return registry.onRender(() => {
        const worker_type = workerType();
        const { problems, index, guesses } = router;
        const mismatchCount = problems.filter(({ kind }) => kind !== "cache_drift").length;
        families.mismatched.set({ ...labels, ...target, model, worker_type }, mismatchCount);
        const warning = { ...labels, warning_kind: "duplicate_store" };
        families.warnings.inc(warning, repeated(index.counters.repeatedStores));
        families.evictedGuesses.inc(labels, evicted(guesses?.evictions.blockCount ?? 0));
        families.guessEvictions.inc(labels, evictions(guesses?.evictions.count ?? 0));
        const sequence = { ...labels, model, routing_group: "default", worker_type };
        const { counters, backlog } = router.heardSequences;
        families.sequenceBacklog.set(sequence, backlog);
        families.sequenceEvents.inc(sequence, events(counters.events));
        families.sequenceBatches.inc(sequence, batches(counters.batches));
        showZmq();
      });
    },
  };
}

function createZmqView(
  registry: MetricsRegistry,
  labels: Readonly<Record<string, string>>,
  router: KvRouter,
): () => void {
  const families = zmqFamiliesByRegistry.get(registry) ?? createZmqIntakeFamilies(registry);
  zmqFamiliesByRegistry.set(registry, families);
  const batches = createGrownTotal();
  const actions = ["started", "activated", "removed"] as const;
  const lifecycle = actions.map((action) => ({ action, grown: createGrownTotal() }));
  const gaps = createGrownTotal();
  const dropped = createGrownTotal();
  const rejected = createGrownTotal();
  const unreadable = createGrownTotal();
  return () => {
    const { intake, heardSequences } = router;
    if (intake !== null) {
      const { followers, counters } = intake;
      const activeCount = followers.filter(({ isActive }) => isActive).length;
      families.sources.set({ ...labels, state: "active" }, activeCount);
      families.sources.set({ ...labels, state: "preconnected" }, followers.length - activeCount);
      families.batches.inc(labels, batches(counters.batches));
      for (const { action, grown } of lifecycle) {
        families.lifecycle.inc({ ...labels, action }, grown(counters[action]));
      }
    }
    const { counters, missedCount, droppedCount, rejectedCount } = heardSequences;
    families.gaps.inc(labels, gaps(missedCount));
    families.dropped.inc(labels, dropped(droppedCount));
    families.badEnvelopes.inc(labels, rejected(rejectedCount));
    families.badPayloads.inc(labels, unreadable(counters.unreadable));
  };
}
