// Where prompts are prefilled, on the page.
import type { MetricsRegistry } from "@dyn/metrics";
import type { PrefillDecision } from "../prefill/prefill-decision.ts";

type Counter = ReturnType<MetricsRegistry["counter"]>;

interface Families {
  readonly decisions: Counter;
  readonly failures: Counter;
  readonly mismatched: ReturnType<MetricsRegistry["gauge"]>;
}

/** Models share their families. */
const familiesByRegistry = new WeakMap<MetricsRegistry, Families>();

export interface PrefillMetrics {
  decided(decision: PrefillDecision): void;
  failed(): void;
  /** As they are whenever the page is rendered. Returns the function that ends it. */
  watchMismatched(namespace: string, count: () => number): () => void;
}

export function createPrefillMetrics(registry: MetricsRegistry, model: string): PrefillMetrics {
  const families = familiesByRegistry.get(registry) ?? createFamilies(registry);
  familiesByRegistry.set(registry, families);
  return {
    decided: ({ flow, reason }) => families.decisions.inc({ model, flow, reason }),
    failed: () => families.failures.inc({ model }),
    watchMismatched: (namespace, count) => {
      const labels = { model, dynamo_namespace: namespace };
      const unwatch = registry.onRender(() => families.mismatched.set(labels, count()));
      return () => {
        unwatch();
        families.mismatched.remove(labels);
      };
    },
  };
}

function createFamilies(registry: MetricsRegistry): Families {
  return {
    decisions: registry.counter({
      name: "dyn_router_prefill_decisions_total",
      help: "Prompts by where they are prefilled, and why.",
      labelNames: ["model", "flow", "reason"],
    }),
    failures: registry.counter({
      name: "dyn_router_prefill_failures_total",
      help: "Prefills that failed at a worker of the pool and were done elsewhere.",
      labelNames: ["model"],
    }),
    mismatched: registry.gauge({
      name: "dyn_router_mismatched_pairs",
      help: "Pairs of a prefill and a decode worker that cannot hand over to each other.",
      labelNames: ["model", "dynamo_namespace"],
    }),
  };
}
