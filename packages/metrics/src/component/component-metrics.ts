import type { MetricsRegistry } from "../registry/metrics-registry.ts";
import { type ComponentFamilies, createComponentFamilies } from "./component-families.ts";

export interface ComponentLabels {
  readonly namespace: string;
  readonly component: string;
  readonly endpoint: string;
  /** Hex, as instances are written. */
  readonly workerId: string;
  /** Of endpoints that serve one. */
  readonly model?: string;
}

export interface ComponentRequestEnd {
  /** Kind of failure, one of few; `null`: none. */
  readonly errorType: string | null;
  readonly isCancelled: boolean;
  readonly sentBytes: number;
}

export interface ComponentMetrics {
  /** A request was taken; the result is called at its end. */
  begun(receivedBytes: number): (end: ComponentRequestEnd) => void;
}

/** Several endpoints of a process share their families. */
const familiesByRegistry = new WeakMap<MetricsRegistry, ComponentFamilies>();

/** Counts the requests of one endpoint; its series stand at 0 before the first. */
export function createComponentMetrics(
  registry: MetricsRegistry,
  labels: ComponentLabels,
): ComponentMetrics {
  let families = familiesByRegistry.get(registry);
  if (families === undefined) {
    families = createComponentFamilies(registry);
    familiesByRegistry.set(registry, families);
    showUptime(registry, labels.workerId);
  }
  const { errors, ...others } = families;
  const names = {
    dynamo_namespace: labels.namespace,
    dynamo_component: labels.component,
    dynamo_endpoint: labels.endpoint,
    worker_id: labels.workerId,
    ...(labels.model === undefined ? {} : { model: labels.model }),
  };
  others.duration.zero(names);
  const inflight = others.inflight.labels(names);
  const requests = others.requests.labels(names);
  const requestBytes = others.requestBytes.labels(names);
  const responseBytes = others.responseBytes.labels(names);
  const cancellations = others.cancellations.labels(names);
  const duration = others.duration.labels(names);
  inflight.set(0);
  for (const counter of [requests, requestBytes, responseBytes, cancellations]) counter.inc(0);
  return {
    begun: (receivedBytes) => {
      const begunMs = performance.now();
      inflight.inc();
      requests.inc();
      requestBytes.inc(receivedBytes);
      return ({ errorType, isCancelled, sentBytes }) => {
        inflight.dec();
        responseBytes.inc(sentBytes);
        duration.observe((performance.now() - begunMs) / 1000);
        if (isCancelled) cancellations.inc();
        if (errorType !== null) errors.inc({ ...names, error_type: errorType });
      };
    },
  };
}

function showUptime(registry: MetricsRegistry, workerId: string): void {
  const uptime = registry.gauge({
    name: "dynamo_component_uptime_seconds",
    help: "Since the process started",
    labelNames: ["worker_id"],
  });
  registry.onRender(() => uptime.set({ worker_id: workerId }, process.uptime()));
}
